/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A heap for large tables. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

/* What a client takes in the kernel's table, about. */
#define HEAP_CLIENT_BYTES 450

/*
 * Has room ready for tables of so many bytes, in huge pages: libiptc allocates each rule, several
 * times the table in all, and would spend most of its time on the faults of small pages.  Does
 * nothing for tables that are not large; without memory, the heap grows as ever.
 */
void heap_prepare(uint64_t table_bytes);

#endif
