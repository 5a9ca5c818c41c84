/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NOTRACK_TESTS_FORBID_H
#define NOTRACK_TESTS_FORBID_H

/*
 * From here on, in this process and its children, sockets of the address family cannot be had, with
 * that errno: EAFNOSUPPORT is what RestrictAddressFamilies= of systemd says.
 */
void forbid_sockets(unsigned int family, unsigned int error);

#endif
