/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - an intrusive doubly linked list: the node lives in its object, so
 * joining and leaving never allocate and never fail.
 *
 * A head is a node that points to itself when the list is empty. A node that is
 * in no list must be initialised before list_remove() or list_is_linked().
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/util.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list *node)
{
	return node->next != node;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_insert_between(node, head->prev, head);
}

static inline void list_prepend(struct list *head, struct list *node)
{
	list_insert_between(node, head, head->next);
}

/* The node is left initialised, so that removing it again does nothing. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, or NULL. */
static inline struct list *list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

/* Take the first node out, or NULL. */
static inline struct list *list_shift(struct list *head)
{
	struct list *node = list_first(head);

	if (node != NULL)
		list_remove(node);
	return node;
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_foreach(node, head)                                                               \
	for (struct list *node = (head)->next; node != (head); node = node->next)

/* The body may remove @node, and no other. */
#define list_foreach_safe(node, head)                                                          \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);      \
		node = node##_next, node##_next = node->next)

#endif
