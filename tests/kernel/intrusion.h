/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One backend, and somebody between it and the kernel; a file for each backend. */
#ifndef NOTRACK_TESTS_INTRUSION_H
#define NOTRACK_TESTS_INTRUSION_H

extern const char intrusion_backend[];

/* Runs @intrude ahead of the @nth commit of a table, or of each message to nftables. */
void intrusion_begin(unsigned int nth, void (*intrude)(void));
void intrusion_end(void);

#endif
