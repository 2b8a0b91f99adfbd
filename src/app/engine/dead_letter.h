/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letter.h - the dead letter of one delivery: made of its event and its facts, and written
 * for as long as that takes.
 *
 * It knows neither lanes nor destinations: what to do next is done()'s.
 */
#ifndef APP_ENGINE_DEAD_LETTER_H
#define APP_ENGINE_DEAD_LETTER_H

#include "app/engine/delivery.h"

/* @d may be freed in it. */
typedef void (*dead_letter_done_fn)(struct delivery *d);

/*
 * @d has failed for good; its facts say why. It becomes DEAD; done() is called when Kafka has
 * acknowledged the letter. @topic NULL ("none"): it is only counted, and done() is called
 * before this returns; but a delivery that was made of a dead letter goes back to the topic
 * that this stands in.
 */
void dead_letter_write(struct delivery *d, const char *topic, dead_letter_done_fn done);
/* Have the counters of all error codes shown from 0 on, for as long as @m is. */
void dead_letter_hold_counters(struct metrics *m);
/* done() is not called any more; @d stays DEAD. A letter on its way may still be written. */
void dead_letter_cancel(struct delivery *d);

#endif
