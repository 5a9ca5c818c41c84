/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sorted lists, which may be empty: what is in them, and where. */
#ifndef LIB_SEARCH_H
#define LIB_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

/* As for bsearch(3): how @key compares with an element. */
typedef int search_compare(const void *key, const void *element);

/* The index of what is @key, or where it would have to be. */
static inline size_t search_place(const void *key, const void *list, size_t count, size_t size,
				  search_compare *compare, bool *found)
{
	size_t low = 0, high = count;

	*found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(key, (const char *)list + middle * size);

		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The element itself; NULL: there is none.  bsearch(3) takes no list that is NULL. */
static inline void *search(const void *key, const void *list, size_t count, size_t size,
			   search_compare *compare)
{
	bool found;
	size_t place = search_place(key, list, count, size, compare, &found);

	return found ? (char *)list + place * size : NULL;
}

#endif
