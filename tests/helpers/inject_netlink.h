/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The datagrams that the library in this program sends to nftables: counted, and met on
 * their way.  What is asked for here holds together, until netlink_end().
 */
#ifndef NOTRACK_TESTS_INJECT_NETLINK_H
#define NOTRACK_TESTS_INJECT_NETLINK_H

/* Fails the @nth, counted from 1, with @err. */
void netlink_fail(unsigned int nth, int err);
/* Fails all from the @nth on. */
void netlink_fail_from(unsigned int nth, int err);
/* Runs @intrude ahead of the @nth; 0: of each. */
void netlink_intrude(unsigned int nth, void (*intrude)(void));
/* Runs @intrude whenever the library begins or ends to wait for packets that are under way. */
void netlink_intrude_waits(void (*intrude)(void));
/* The queue keeps its size, as for who has no CAP_NET_ADMIN in the initial namespace. */
void netlink_refuse_force(void);
/* Bytes of the kernel's answers so far, since the program began. */
unsigned long netlink_received(void);
/* All go through from here on; returns how many there were. */
unsigned int netlink_end(void);

#endif
