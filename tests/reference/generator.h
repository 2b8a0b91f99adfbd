/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generator.h - random patterns and events that share few keys and values, so that they often
 * match, and have what makes matching hard: arrays in arrays, of objects and of scalars
 * mixed, paths spelt with dots, $or in and beside everything, absence.
 */
#ifndef REFERENCE_GENERATOR_H
#define REFERENCE_GENERATOR_H

#include "base/buf.h"
#include "base/rng.h"

/* Append the JSON text of a valid pattern; of an event. */
void generate_pattern(struct rng *r, struct buf *out);
void generate_event(struct rng *r, struct buf *out);

#endif
