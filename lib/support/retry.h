/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often what others change under our hands is tried again. */
#ifndef LIB_RETRY_H
#define LIB_RETRY_H

/*
 * Each try looks at all anew, which takes from a millisecond to a second with a million rules.
 * Somebody who restores tables, or adds a rule for each container that starts, is done within a
 * few of them; whoever is not after ten changes them all the time, and the caller is better told
 * so (-EBUSY) than kept waiting with the lock held.
 */
#define TRIES 10

/*
 * Two system calls in a row that have to be of one moment: they are microseconds apart, so that
 * many tries cost nothing.
 */
#define QUICK_TRIES 100

#endif
