/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive.h - `postrider dead-letters redrive`: chosen letters are sent again, each to the one
 * target that failed, by the machinery of the daemon: destinations with their gates,
 * connections, verdicts and retries, and dead letters for what fails again.
 *
 *   dead-letter topic --> filter --> today's target by RULE_NAME and TARGET_ID --> destination
 *          ^                                                                          |
 *          +------ commit in <group_id>.redrive <-- done: delivered, or a new letter <-+
 *
 * The event is the one it was (letter_view.h), so the request is the same and so is its
 * idempotency key. A letter that fails again becomes a new one with REDRIVE_COUNT.
 *
 * Each dead-letter topic is read in the group of the first consumer of the file that writes to
 * it. A letter is done when it is delivered or its new letter is acknowledged; only what is
 * done is marked (offsets/redrive_map.h), and the committed offset stays at the first letter that is not.
 * So what the filters leave behind is found by a later run, what is done is passed over by it,
 * and a run that was killed goes on where it was: what was on the wire is sent again, with the
 * same idempotency key. Two runs at a time share the partitions as members of the group.
 *
 * The commit can tell only so many letters apart (offsets/redrive_map.h). Where filters have left letters
 * strewn beyond that, the run stops in that partition, says at which offset, and what to do.
 *
 * It ends at the topics' ends as they were at its start, so that letters which fail again are
 * not sent in a circle. When the guard (core/gate/guard.h) finds that nearly all fail again for one
 * reason, the run stops: what is left stays for later.
 *
 * A letter is untrusted input. It is sent only from the topic where its target's letters go, for a
 * topic that the rule's consumer reads, and when its event matches the rule; others are left.
 *
 * A rate limit of a destination holds for this process by itself, beside what a running daemon
 * sends; --rate bounds it further.
 */
#ifndef APP_DEADLETTERS_REDRIVE_H
#define APP_DEADLETTERS_REDRIVE_H

#include "app/deadletters/letters.h"

struct redrive_options {
	struct letters_filter filter;
	const char *to_target; /* this target of the letter's rule instead; NULL: the one that
				  failed */
	bool all_targets;      /* all of its rule's */
	unsigned rate;         /* letters a second; 0: as the destinations allow */
	bool force;            /* also letters that may be forged, redrive_trust.c */
	bool dry_run;          /* only say what would be sent */
	bool json;             /* the summary, as one object */
};

/* 0 when every chosen letter was delivered (or none was chosen), else 1: not all, and the
 * output says what became of the others; or Kafka could not be asked. */
int redrive_run(struct conf *conf, const struct redrive_options *o);

#endif
