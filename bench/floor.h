/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

/* Milliseconds for GET_ENTRIES and SET_REPLACE of an IPv4 table; ends the program on failure. */
double floor_ms(const char *table);
/* ... for libiptc to read the table, note one change, and commit it: nothing else is done. */
double libiptc_ms(const char *table);

#endif
