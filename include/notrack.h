/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnotrack: take short exchanges out of connection tracking.
 *
 * A context (struct notrack) holds a model: services, whose packets the
 * kernel shall neither track nor judge by state, and clients of those
 * services, which a per-source hashlimit holds to a rate.  The model is plain
 * data; nothing reaches the kernel before notrack_commit(), which makes its
 * packet filter, the legacy tables or nftables, say what the model says, for IPv4
 * and IPv6 in one transaction: everything, or nothing.
 *
 *	struct notrack *nt = notrack_new();
 *
 *	notrack_lock(nt);
 *	notrack_load(nt);			what is there stays
 *	notrack_add_service(nt, &(struct notrack_service){
 *		.size = sizeof(struct notrack_service), .name = "dns" });
 *	if (notrack_commit(nt, NULL) < 0)
 *		log(notrack_error(nt));
 *	notrack_free(nt);			lets go of the lock, too
 *
 * The kernel is the only store.  A daemon that owns the whole configuration
 * builds the model from nothing and commits it; a tool that changes one thing
 * takes the lock, loads, changes, commits.
 *
 * Packets that are not tracked have no state, and rules of the host that ask for
 * one no longer match them.  So that the host judges them as it did before, a commit
 * places rules in its chains as well, and refuses (-ECANCELED) where that cannot be
 * had: see WHAT THE HOST SAYS in notrackctl(8).
 *
 * Only rules of this library are touched: chains whose names begin with
 * "NOTRACK-", rules that lead to them or have "NOTRACK-twin" as their comment, and
 * the table "inet libnotrack".  No rule of the host is changed, removed or reordered.
 *
 * Errors.  Every function that can fail returns 0 or a count on success and a
 * negative errno on failure; notrack_error() then has a sentence that says
 * what failed and what to do about it.  What may come back:
 *
 *	-EINVAL			a word or value is wrong, or a pointer is NULL that must
 *				not be; the sentence names it
 *	-ENOENT			no such service, no such client, or no such path
 *	-EPERM			no CAP_NET_ADMIN, or no CAP_NET_RAW for legacy tables, in
 *				the network namespace; or no sockets of an address family
 *	-EPROTONOSUPPORT	the kernel has no such table, match or target
 *	-EBUSY			the xtables lock is held by somebody else, or the
 *				tables kept changing under our hands, or answers of the
 *				kernel were lost
 *	-ENOMEM			out of memory, here or in the kernel
 *	-EBADMSG		the comment that describes a service was edited, and a
 *				commit would remove the service; the sentence names
 *				the rule
 *	-ECANCELED		a service that came, or that was changed, would let packets
 *				fare differently than they do when they are tracked; the
 *				sentence names the rule of the host
 *	-EOPNOTSUPP		a rule of the host asks for what no rule of ours beside it
 *				could be written with
 *	-EIO			the kernel refused a table; the sentence has its
 *				reason, and every table is as it was; or the lock
 *				file cannot be opened
 *	-EEXIST			there is a watch in this network namespace already
 *	-ESTALE			somebody took a service away since it was loaded, whose
 *				clients were not read, or the calling thread went to
 *				another network namespace since: load again; of a watch,
 *				its network namespace was deleted
 *	-ENOTRECOVERABLE	it refused, and refused the rollback as well, or whether it did
 *				could not be read; the sentence names the table
 *
 * Threads.  A context belongs to one thread at a time; different contexts may
 * be used in different threads at once.
 *
 * Visitors, the functions that a call is given to tell what it finds, must not use
 * the context that they are called by.
 *
 * Structs handed in or out begin with their size: set it to sizeof of the
 * struct you compiled with, and leave what you do not use zero.  Later versions
 * add members at the end; no member past the size you set is read or written.  A
 * size that is not set, or that cuts a member in two, is -EINVAL, and nothing is done.
 *
 * Pointers may be NULL where their description says so, and @data always may; any
 * other that is NULL is -EINVAL.
 *
 * Enums.  Later versions may add values to an enum that the library hands out.
 * Treat a value that you do not know as something to look at, neither as good
 * nor as bad: give a switch a default, and print the text that comes with it.
 */
#ifndef NOTRACK_H
#define NOTRACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct notrack;

/* The version of this header; notrack_version() tells that of the library that runs. */
#define NOTRACK_VERSION_MAJOR	1
#define NOTRACK_VERSION_MINOR	0
#define NOTRACK_VERSION_PATCH	0

/* --- the context ------------------------------------------------------ */

/**
 * notrack_new - an empty model, for the network namespace that the calling thread
 * is in, call by call, both families, and a wait of five seconds for the xtables lock
 *
 * Returns: a context to be given to notrack_free(), or NULL if out of memory.
 * Since: 1.0
 */
struct notrack *notrack_new(void);

/**
 * notrack_free - release a context, and the lock if it is held
 * @nt: context, or NULL
 *
 * The kernel's tables stay as they are.
 * Since: 1.0
 */
void notrack_free(struct notrack *nt);

/**
 * notrack_error - the sentence about the last call that failed on @nt
 *
 * It is one line, without control characters.
 * Returns: a string owned by @nt, good until the next call on it; "" when
 * nothing failed; of a @nt that is NULL, that there is no context.  Never NULL.
 * Since: 1.0
 */
const char *notrack_error(const struct notrack *nt);

/**
 * notrack_version - the version of the library that runs, as "1.0.0"
 * Since: 1.0
 */
const char *notrack_version(void);

/* address families, to be or'ed */
#define NOTRACK_IPV4	0x1u
#define NOTRACK_IPV6	0x2u
#define NOTRACK_ANY	(NOTRACK_IPV4 | NOTRACK_IPV6)

/**
 * notrack_set_families - restrict all further calls to these families
 * @families: NOTRACK_IPV4, NOTRACK_IPV6 or both
 *
 * The tables and the model of the other family are neither read nor changed.
 * Returns: 0, or -EINVAL.
 * Since: 1.0
 */
int notrack_set_families(struct notrack *nt, unsigned int families);

/**
 * notrack_set_backend - through which of the kernel's packet filters commits go
 * @name: "legacy", the xtables tables, through libiptc; "nft", nftables; or "auto",
 *	the default, also NULL: the one that holds rules of this library already; else
 *	nft where somebody else's chains filter there, or where the kernel has no
 *	legacy tables; else legacy
 *
 * A commit through another backend than the one in use moves all of it over, and at
 * no moment is a packet untracked and not accepted.
 * Returns: 0, or -EINVAL.
 * Since: 1.0
 */
int notrack_set_backend(struct notrack *nt, const char *name);

/**
 * notrack_backend - which backend a commit would use, and why
 * @name: set to "legacy" or "nft"; may be NULL
 * @why: set to a phrase, such as "holds rules of ours already"; may be NULL
 *
 * Both are constants.  Reads the kernel.
 * Returns: 0, or -errno; -EPROTONOSUPPORT where the kernel has neither.
 * Since: 1.0
 */
int notrack_backend(struct notrack *nt, const char **name, const char **why);

/**
 * notrack_set_netns_fd - work in another network namespace
 * @fd: descriptor of a namespace (/proc/PID/ns/net, /run/netns/NAME) or, since
 *	Linux 5.8, of a process (pidfd_open(2)) that is in it; duplicated
 *
 * The calling thread never leaves its namespace: a short-lived thread with all
 * signals blocked enters the other one (setns(2), which needs CAP_SYS_ADMIN).
 * Returns: 0, -EINVAL if @fd is not that of a network namespace (-1, as a failed
 * open(2) returns it, is none), or -errno; then the namespace is the one it was.
 * Since: 1.0
 */
int notrack_set_netns_fd(struct notrack *nt, int fd);

/**
 * notrack_set_netns - as notrack_set_netns_fd(), by path
 * @path: such as "/run/netns/blue"; NULL: back to the caller's own
 *
 * A path to anything else, a FIFO or a device, is refused and not opened.
 * Since: 1.0
 */
int notrack_set_netns(struct notrack *nt, const char *path);

/**
 * notrack_set_wait - how long to wait for the xtables lock
 * @milliseconds: 0 to try once; UINT_MAX to wait for ever
 * Since: 1.0
 */
void notrack_set_wait(struct notrack *nt, unsigned int milliseconds);

/** flag of notrack_set_force(): go on where a commit would be refused for what it does */
#define NOTRACK_FORCE	0x1u

/**
 * notrack_set_force - commit also what would be refused
 * @flags: NOTRACK_FORCE; 0, the default, refuses
 *
 * Refused is, with -EBADMSG, what would remove a service whose description
 * notrack_load() found and could not read; and, with -ECANCELED, what would let packets
 * fare differently than they do when they are tracked.  With the flag, the latter is
 * told by notrack_each_finding() alone, and a service that a rule forbids by name is
 * accepted ahead of that rule.
 * Returns: 0, or -EINVAL.
 * Since: 1.0
 */
int notrack_set_force(struct notrack *nt, unsigned int flags);

/**
 * notrack_lock - take the lock that iptables takes
 *
 * flock(2) on $XTABLES_LOCKFILE, or /run/xtables.lock, waited for as
 * notrack_set_wait() says.  Hold it around notrack_load(), changes and
 * notrack_commit() for changes that add up with those of other programs.
 * notrack_commit() and notrack_clear() take it themselves where it is not held.
 * It has to be a regular file; a FIFO or a device there is refused, and not opened.
 * A child that was forked does not hold what its parent holds, and takes it anew.
 * Returns: 0 (also if this context holds it already), -EBUSY, or -errno.
 * Since: 1.0
 */
int notrack_lock(struct notrack *nt);

/**
 * notrack_unlock - let go of the lock
 * Since: 1.0
 */
void notrack_unlock(struct notrack *nt);

/* --- the model: services ---------------------------------------------- */

/**
 * struct notrack_service - one service
 *
 * Strings are lists in the words of notrack.conf(5), separated by commas;
 * NULL or "" means the default: for the built-in names (dns, dns-auth, dot,
 * doq, syslog, syslog-tls, ntp, http, https, quic, radius, snmp-trap) that of
 * the name, else as noted.
 */
struct notrack_service {
	size_t size;		/**< sizeof(struct notrack_service) */
	const char *name;	/**< 1 to 16 of [A-Za-z0-9_.-], not beginning with '-' */
	const char *ports;	/**< "53", "80,443,8000:8080"; 1 to 65535 */
	const char *protocols;	/**< udp, tcp, sctp, udplite; default udp */
	const char *roles;	/**< inbound (this host serves), outbound (this host
				     asks others), both; default inbound */
	const char *local;	/**< prefixes of this host's own addresses; default any */
	const char *remote;	/**< prefixes of the servers asked (outbound); default any */
	const char *interfaces;	/**< names, a trailing '+' matches any end; default any */
	const char *reply_ports;/**< strict mode: ports A:B that outbound UDP asks from
				     and is answered at; default 1024:65535 */
	const char *mode;	/**< "strict" (default) or "classic" */
	const char *icmp_errors;/**< "yes" (default) or "no": accept ICMP errors, which
				     are INVALID to conntrack for untracked flows */
	const char *families;	/**< ipv4, ipv6; default both; filled in by
				     notrack_each_service() where it is one of them */
	const char *from;	/**< strict mode: prefixes of who may ask an inbound service;
				     what others ask stays tracked; default anybody */
	const char *twins;	/**< "auto" (default): rules of ours in chains of the host, so that
				     it judges untracked packets as it judged tracked ones;
				     "none": no chain of the host is edited for the service, and a
				     commit is refused where packets would fare differently */
};

/**
 * notrack_add_service - put a service into the model, or replace its definition
 * @service: copied
 *
 * Where @service->families names one family, the other's definition stays as
 * it is.  Limits of a service that is replaced stay.  A family for which nothing is
 * left (@local names addresses of the other one only) gets no rules.
 * Returns: 0, -EINVAL with a sentence that names the offending word, -ENOMEM.
 * Since: 1.0
 */
int notrack_add_service(struct notrack *nt, const struct notrack_service *service);

/**
 * notrack_remove_service - take a service and its limits out of the model
 * Returns: 0, -ENOENT if there is none of that name.
 * Since: 1.0
 */
int notrack_remove_service(struct notrack *nt, const char *name);

/**
 * notrack_each_service - visit the services of the model, by name
 * @visit: gets a service whose strings are good until it returns; a value
 *	other than 0 ends the visit.  NULL members are at their default, but
 *	for ports, protocols and roles, which are always there.
 *
 * A service defined differently for the two families is visited twice, with
 * @families set.
 * Returns: 0, what @visit returned, or -ENOMEM.
 * Since: 1.0
 */
int notrack_each_service(struct notrack *nt,
			 int (*visit)(const struct notrack_service *service, void *data),
			 void *data);

/**
 * notrack_service_set - set a member by its key in notrack.conf(5)
 * @key: "ports", "reply-ports", and so on
 * @value: kept as a pointer; NULL for the default
 *
 * Returns: 0, or -EINVAL if there is no such key, or its member is past the size
 * of @service.
 * Since: 1.0
 */
int notrack_service_set(struct notrack_service *service, const char *key, const char *value);

/**
 * notrack_service_get - the @index'th key of a service, and its value
 *
 * Returns: 1, 0 past the last key, or -EINVAL.
 * Since: 1.0
 */
int notrack_service_get(const struct notrack_service *service, unsigned int index,
			const char **key, const char **value);

/**
 * notrack_builtin_service - the @index'th built-in service, from 0 on
 *
 * Its name, and what the members stand for that are left out of it.
 * Returns: a service that is good for ever, or NULL past the last one.
 * Since: 1.0
 */
const struct notrack_service *notrack_builtin_service(unsigned int index);

/**
 * notrack_check_value - whether a value is right for a key of a service
 * @key: of notrack.conf(5), or "name"
 * @value: "" is the default, which is always right
 * @sentence: buffer for what is wrong, of @size bytes, which are filled as
 *	snprintf(3) does; "" where nothing is wrong.  May be NULL.
 *
 * For a program that reads a configuration line by line and wants to name the
 * line at fault.  Needs no context; whether values go together, only
 * notrack_check_service() can tell.
 * Returns: 0, -EINVAL or -ENOMEM.
 * Since: 1.0
 */
int notrack_check_value(const char *key, const char *value, char *sentence, size_t size);

/**
 * notrack_check_service - whether a service could be added to an empty model
 * @families: gets the families in which the service would have rules, as
 *	NOTRACK_IPV4 and NOTRACK_IPV6, unless there is an error; may be NULL
 * @sentence: as in notrack_check_value()
 *
 * Needs no context.  notrack_add_service() may refuse it all the same, where
 * the model limits clients that the service would no longer have.
 * Returns: 0, -EINVAL or -ENOMEM.
 * Since: 1.0
 */
int notrack_check_service(const struct notrack_service *service, unsigned int *families,
			  char *sentence, size_t size);

/* --- the model: limits and clients ------------------------------------ */

/**
 * struct hashlimit - a rate, and the hash table that keeps it for each source
 *
 * Counts requests of a service: each UDP datagram to its port, each TCP SYN,
 * each SCTP INIT.  What is above the rate is dropped.  See xt_hashlimit in
 * iptables-extensions(8).
 */
struct hashlimit {
	size_t size;		/**< sizeof(struct hashlimit) */
	const char *above;	/**< "N/sec", "N/min", "N/hour" or "N/day"; N >= 1, and
				     at most 1000000 a second (10000 where the kernel
				     has revision 1 only) */
	uint32_t burst;		/**< requests let through at once; 0 for the default: 5,
				     or a hundredth of the rate a second where that is
				     more, as the kernel gives no more than a burst each
				     tick; at most 1000000, and at most one day's worth
				     of @above, where the kernel's arithmetic ends */
	uint32_t srcmask;	/**< length of the prefix that counts as one source; 0 for
				     the default: 32 in IPv4, 64 in IPv6 */
	uint32_t htable_max;	/**< buckets at most; 0 lets the kernel choose; past it,
				     requests of new sources are dropped */
	uint32_t htable_size;	/**< hash slots; 0 lets the kernel choose */
	uint32_t htable_expire_ms; /**< a bucket unused for so long is forgotten; 0 for
				     the time in which the burst fills up again */
};

/**
 * hashlimit_add_client - limit one client of a service
 * @service: name of a service in the model
 * @prefix: "192.0.2.7", "198.51.100.0/24", "2001:db8::/32"; 0.0.0.0/0 and ::/0
 *	are everybody; no host bits may be set.  A packet is charged to the most
 *	specific prefix that covers its source, and to that one only.
 * @limit: copied; replaces the limit that the client had
 *
 * Finding one among n clients takes O(log n) time.  A client takes 32 bytes; now
 * and then the list is copied to grow (see libnotrack(3)).
 * Returns: 0, -EINVAL, -ENOENT without such a service, -ENOMEM.
 * Since: 1.0
 */
int hashlimit_add_client(struct notrack *nt, const char *service,
			 const char *prefix, const struct hashlimit *limit);

/**
 * hashlimit_add_clients - as hashlimit_add_client(), for @count prefixes
 * @prefixes: may be NULL where @count is 0
 *
 * All or none: on an error the model is as before.  A prefix named twice is
 * one client.
 * Since: 1.0
 */
int hashlimit_add_clients(struct notrack *nt, const char *service,
			  const char *const *prefixes, size_t count,
			  const struct hashlimit *limit);

/**
 * hashlimit_remove_client - take the limit off a client
 * Returns: 0; -ENOENT if there is no such service, or no such client.
 * Since: 1.0
 */
int hashlimit_remove_client(struct notrack *nt, const char *service, const char *prefix);

/**
 * hashlimit_remove_clients - as hashlimit_remove_client(), for @count prefixes
 * @prefixes: may be NULL where @count is 0
 *
 * All or none: a prefix that is not there leaves the model as it was.
 * Since: 1.0
 */
int hashlimit_remove_clients(struct notrack *nt, const char *service,
			     const char *const *prefixes, size_t count);

/**
 * hashlimit_has_client - whether a service limits exactly this prefix
 * Returns: 1 or 0; -EINVAL; -ENOENT if there is no such service.
 * Since: 1.0
 */
int hashlimit_has_client(struct notrack *nt, const char *service, const char *prefix);

/**
 * hashlimit_check - whether a client, a limit, or both together are right
 * @limit: may be NULL, for a client alone
 * @client: its prefix; may be NULL, for a limit alone
 * @families: gets the family of the client, or those in which a limit alone is
 *	right (@srcmask may be too long for IPv4), unless there is an error; may
 *	be NULL
 * @sentence: as in notrack_check_value()
 *
 * Needs no context.
 * Returns: 0, or -EINVAL.
 * Since: 1.0
 */
int hashlimit_check(const struct hashlimit *limit, const char *client, unsigned int *families,
		    char *sentence, size_t size);

/**
 * hashlimit_each - visit the limits of a service
 * @service: as given to the visitor of notrack_each_service()
 * @visit: gets a limit with all members resolved but srcmask, which is 0 where
 *	each family has its default, and htable_expire_ms, likewise; and its
 *	clients, IPv4 first, in numerical order.  Good until it returns.
 * Returns: 0, what @visit returned, -ENOENT, -ENOMEM.
 * Since: 1.0
 */
int hashlimit_each(struct notrack *nt, const struct notrack_service *service,
		   int (*visit)(const struct hashlimit *limit,
				const char *const *clients, size_t count, void *data),
		   void *data);

/* --- the kernel ------------------------------------------------------- */

/**
 * notrack_load - make the model what the kernel's tables say
 *
 * What was in the model is gone.  Chains of ours that somebody edited are read
 * as far as they make sense; notrack_diff() shows what differs, and the next
 * commit puts it right.  But where the comment that describes a service cannot be
 * read any more, all else is loaded, and notrack_commit() refuses (-EBADMSG) to
 * remove that service, until notrack_clear() or a commit with NOTRACK_FORCE
 * has done so, or a load finds it repaired.
 *
 * Where the chosen backend can look a single client up, as nftables can, limited
 * clients are not read before a call needs all of them, such as hashlimit_each(),
 * notrack_watch_start() or notrack_watch_replace().  Until then a commit changes those
 * that calls have named, and leaves all others as the kernel has them by that time.
 * Returns: the number of services, or -errno.
 * Since: 1.0
 */
int notrack_load(struct notrack *nt);

/**
 * notrack_table_bytes - how large the kernel's tables are that a commit reads
 *
 * A program may prepare its heap by it: see MEMORY in libnotrack(3).  Asks for the
 * sizes alone, and makes no table that is not there.
 * Returns: bytes, over the tables of all families; 0 where there are none, where they
 * cannot be asked, and for nftables, where what is there takes no memory to change.
 * Since: 1.0
 */
uint64_t notrack_table_bytes(struct notrack *nt);

/** struct notrack_changes - what a commit did, or would do */
struct notrack_changes {
	size_t size;		/**< sizeof(struct notrack_changes), set by the caller */
	unsigned int added;	/**< rules, over all tables */
	unsigned int removed;
};

/**
 * notrack_commit - make the kernel's tables what the model says
 * @changes: filled in; may be NULL
 *
 * Takes the lock, reads the tables, computes the least edit and commits it.  What
 * accepts packets is in place before the NOTRACK rules that it belongs to, and NOTRACK
 * rules are removed before it is, so that no packet meets only one of the two at any
 * time.  Where a service leaves, and something that accepts goes with it, requests are
 * tracked again first and answers 50 ms later, for which the call waits: answers to
 * untracked requests would be NEW to conntrack.  Connections of TCP that conntrack knew
 * before their service came go on: the kernel is told to look at their sequence numbers no more,
 * and a failure of that is a finding, "entries".  Rules that stay keep their counters.  On failure
 * every table is as it was before.  Only what the kernel was told of those connections stays so: it
 * has to be told before their rules go, or the first packet would be invalid.  That does no harm.
 * Their flows are untracked as before, so that nothing looks at these entries until they expire; one
 * that is not looked at so closely takes more packets, and never less; and one that was removed had
 * seen no answer, so that it would begin anew.
 * Returns: the number of rules added and removed (0: nothing was committed),
 * or -errno; -ESTALE where a service is gone whose clients notrack_load() left in the kernel;
 * -EBADMSG where the model was loaded and lacks a service whose
 * description was damaged, see notrack_load(), or where nftables has such a service in a family
 * that the context is not about, which its table cannot keep without one; -ECANCELED where a
 * service that came, or changed, would let packets fare differently than they do when they are
 * tracked: the sentence names the rule of the host, and notrack_set_force() goes on all the same.
 * Since: 1.0
 */
int notrack_commit(struct notrack *nt, struct notrack_changes *changes);

/**
 * notrack_diff - what notrack_commit() would do
 * @out: gets a line for each rule, "+" or "-" and the table and rule as
 *	iptables-save prints them; may be NULL
 * @changes: filled in; may be NULL
 *
 * Returns: the number of rules that differ, or -errno.
 * Since: 1.0
 */
int notrack_diff(struct notrack *nt, FILE *out, struct notrack_changes *changes);

/**
 * notrack_clear - empty the model and take every rule of ours out of the kernel
 * @changes: filled in; may be NULL
 *
 * Returns: the number of rules removed, or -errno.
 * Since: 1.0
 */
int notrack_clear(struct notrack *nt, struct notrack_changes *changes);

/**
 * notrack_print_rules - the model as text for iptables-restore --noflush, or for nft -f
 *
 * Without what depends on the host's own rules.  Of the legacy tables: the chains that
 * are ours alone, as on a host without rules, where every service is accepted; one block
 * a family, each begun by a comment that names it.  Of nftables: the table
 * "inet libnotrack".  Needs no kernel and no privilege.
 * Returns: 0, -ENOMEM or -EIO.
 * Since: 1.0
 */
int notrack_print_rules(struct notrack *nt, FILE *out);

/**
 * notrack_print_host_rules - what the kernel has of ours beside notrack_print_rules()
 *
 * Rules in chains of the host, and in those chains of ours that are there for the host's rules
 * (twins, copies of the rest of a chain, openings in tables of others), of both packet filters
 * and as they stand in the kernel, a line each as notrack_diff() prints them, without the
 * sign: "-4 filter -A INPUT ..." of the legacy tables, "inet filter input ..." of nftables.
 * Plain jumps to chains that notrack_print_rules() prints are printed there.
 * Returns: 0, or -errno.
 * Since: 1.0
 */
int notrack_print_host_rules(struct notrack *nt, FILE *out);

/** struct notrack_count - packets and bytes, as counted by rules */
struct notrack_count {
	uint64_t packets;
	uint64_t bytes;		/**< layer 3 and up */
};

/** struct notrack_service_stats - a service in one family */
struct notrack_service_stats {
	size_t size;
	const char *name;
	unsigned int family;		/**< NOTRACK_IPV4 or NOTRACK_IPV6 */
	struct notrack_count untracked;	/**< by NOTRACK rules */
	struct notrack_count accepted;	/**< by accepts of ours: of what is opened, and of twins;
					     not by the host's own rules */
};

/** struct hashlimit_stats - a client of a service; seen = passed + dropped */
struct hashlimit_stats {
	size_t size;
	const char *service;
	const char *prefix;
	struct notrack_count seen;
	struct notrack_count passed;
	struct notrack_count dropped;
};

/**
 * notrack_stats - read the counters
 * @service: called for each service and family; may be NULL
 * @client: called for each limited client; may be NULL
 *
 * Reads the kernel; the model is left alone.  A visitor that returns other
 * than 0 ends the call.
 * Returns: 0, what a visitor returned, or -errno.
 * Since: 1.0
 */
int notrack_stats(struct notrack *nt,
		  int (*service)(const struct notrack_service_stats *stats, void *data),
		  int (*client)(const struct hashlimit_stats *stats, void *data),
		  void *data);

/* --- watching --------------------------------------------------------- */

/**
 * struct notrack_watch - keeps the kernel's tables at what a model says
 *
 * Others change the rules of a host as well: a firewall reloads, somebody restores a
 * saved table or flushes the rule set, and rules of this library are gone with it, or
 * the host's new rules ask for what ours do not have yet.  A watch sees that and
 * commits again.  Where a commit is refused or fails, it takes all rules of ours away
 * instead: a packet that is tracked is answered, one that is untracked and dropped is
 * not.  It commits again after the next change.
 *
 *	notrack_watch_start(nt, &watch);
 *	for (;;) {
 *		poll(&(struct pollfd){ .fd = notrack_watch_fd(watch), .events = POLLIN }, 1, -1);
 *		notrack_watch_run(watch, visit, NULL);
 *	}
 *
 * Changes of nftables are told by the kernel.  The legacy tables are looked at every
 * second: whether their size has changed, and every tenth second at all of them.
 */
struct notrack_watch;

enum notrack_watch_kind {
	NOTRACK_WATCH_IN_PLACE,		/**< the rules are in force: after the start, after
					     notrack_watch_replace(), and again after one of
					     the two below */
	NOTRACK_WATCH_REPAIRED,		/**< somebody changed something, and a commit has put
					     ours right */
	NOTRACK_WATCH_WITHDRAWN,	/**< a commit failed, and none of our rules is there
					     any more */
	NOTRACK_WATCH_FAILED		/**< a commit failed; rules of ours may be there still.
					     It is tried again within a second. */
};

/** struct notrack_watch_event - what a watch did */
struct notrack_watch_event {
	size_t size;
	enum notrack_watch_kind kind;
	int err;			/**< what a commit failed with: -errno, or 0 */
	unsigned int added, removed;	/**< rules */
	const char *text;		/**< a sentence */
};

/**
 * notrack_watch_start - begin to watch
 * @nt: whose model is to be kept, in whose network namespace; both calls that change
 *	it and @watch belong to one thread at a time, and it must be there until
 *	notrack_watch_stop() or notrack_watch_replace()
 * @watch: set to a watch to be given to notrack_watch_stop(); NULL on an error
 *
 * Commits nothing: the first notrack_watch_run() does, for which the descriptor is
 * readable at once.  There is one watch in a network namespace: a file beside the
 * xtables lock, notrack-watch-NUMBER.lock, is locked until the watch ends.
 * Returns: 0; -EEXIST where another watch is there, and the sentence names its
 * process; -EPERM without CAP_NET_ADMIN; -ENOMEM, -EIO.
 * Since: 1.0
 */
int notrack_watch_start(struct notrack *nt, struct notrack_watch **watch);

/**
 * notrack_watch_fd - what to poll
 *
 * Readable where there is something to do.  Owned by @watch.
 * Returns: a descriptor, or -EINVAL if @watch is NULL.
 * Since: 1.0
 */
int notrack_watch_fd(const struct notrack_watch *watch);

/**
 * notrack_watch_run - do what there is to do, without waiting for more
 * @visit: called for what was done, strings good until it returns; what it returns
 *	is returned; may be NULL
 *
 * To be called where the descriptor is readable; at any other time it does nothing.
 * At most one commit in 100 milliseconds is made, however often the rules change;
 * where only elements of sets, or addresses, change, one in a second.  A commit waits for the
 * xtables lock as notrack_set_wait() says.  Nothing is reported where nothing had to
 * be done, and a failure is reported once, and again where it is another one.
 * Returns: 0, what @visit returned, -EINVAL if @watch is NULL, or if the thread is in another
 * network namespace than the one that it was started in; -ESTALE, each second, where the path
 * that notrack_set_netns() was given is gone, or leads to another network namespace by now: stop
 * the watch, which keeps that one alive; or another -errno, with a sentence, where the descriptor
 * may not become readable any more: call again a second later.
 * Since: 1.0
 */
int notrack_watch_run(struct notrack_watch *watch,
		      int (*visit)(const struct notrack_watch_event *event, void *data),
		      void *data);

/**
 * notrack_watch_replace - keep what another model says, or what the same one says now
 * @nt: works in the same network namespace; the watch does not use the one before
 *	any more
 *
 * To be called also where the context that is watched was loaded or changed: only what
 * it says by then is kept.  The next notrack_watch_run() commits it; the descriptor is
 * readable at once.  Where another context than before is given, and what the one from before
 * says is in force, a model that would be refused is refused here, by the errors of
 * notrack_commit(), and what is in force stays; of the same context, all rules are taken away.
 * After an error the watch goes on with the context from before, which must not be freed
 * then; the sentence is @nt's.
 * Returns: 0, -EINVAL also where @nt works in another network namespace, -ECANCELED or
 * another -errno.
 * Since: 1.0
 */
int notrack_watch_replace(struct notrack_watch *watch, struct notrack *nt);

/**
 * notrack_watch_stop - end a watch; the rules stay as they are
 * @watch: may be NULL
 * Since: 1.0
 */
void notrack_watch_stop(struct notrack_watch *watch);

/* --- the connection tracking table ------------------------------------ */

/** struct notrack_conntrack - the table as a whole, from ctnetlink */
struct notrack_conntrack {
	size_t size;			/**< sizeof(struct notrack_conntrack), by the caller */
	uint64_t count;			/**< entries, as the kernel counts them: with those
					     that have timed out and were not collected yet */
	uint64_t max;			/**< net.netfilter.nf_conntrack_max; 0: unknown */
	uint64_t read;			/**< entries that were there to be read */
	/* packets so far in the network namespace; the kernel's counters have 32 bits a processor */
	uint64_t dropped;		/**< as the table was full, or out of memory */
	uint64_t early_dropped;		/**< entries thrown out to make room */
	uint64_t insert_failed;		/**< entries that lost a race, and their packets */
	uint64_t invalid;		/**< packets that fit no entry and may begin none */
};

enum notrack_usage_by {
	NOTRACK_BY_PORT,		/**< protocol and server port */
	NOTRACK_BY_SOURCE,		/**< prefix of the source */
	NOTRACK_BY_SERVICE		/**< of the model, or built-in */
};

/** struct notrack_usage_request - how to count */
struct notrack_usage_request {
	size_t size;
	enum notrack_usage_by by;
	unsigned int srcmask4;		/**< length of an IPv4 source prefix; 0 for 32 */
	unsigned int srcmask6;		/**< of an IPv6 one; 0 for 64 */
};

/** struct notrack_usage - entries that have something in common */
struct notrack_usage {
	size_t size;
	unsigned int protocol;		/**< IPPROTO_*; by port */
	unsigned int port;		/**< that the first packet was sent to; 0: has none */
	const char *source;		/**< by source; else NULL */
	const char *service;		/**< that has the port; NULL: none does */
	uint64_t count;
	double share;			/**< of the entries read, 0 to 1 */
};

/**
 * notrack_usage - who fills the connection tracking table
 * @totals: filled in; may be NULL
 * @visit: gets a row at a time, most entries first, good until it returns; a
 *	value other than 0 ends the visit; may be NULL: then the table is not read,
 *	and @totals has all but @read
 *
 * Services are those of the model (see notrack_load()), and the built-in ones.
 * With notrack_set_families(), only entries of that family are in rows; shares
 * are of the whole table all the same.  Entries that come and go meanwhile may
 * be counted, or not.  Takes 24 bytes of memory for each different row.
 * Returns: 0, what @visit returned, -EPERM without CAP_NET_ADMIN,
 * -EPROTONOSUPPORT without nf_conntrack_netlink, -EINVAL, -ENOMEM, -EIO.
 * Since: 1.0
 */
int notrack_usage(struct notrack *nt, const struct notrack_usage_request *request,
		  struct notrack_conntrack *totals,
		  int (*visit)(const struct notrack_usage *row, void *data), void *data);

/** enum notrack_advice_kind - what to do about a service */
enum notrack_advice_kind {
	NOTRACK_UNTRACK,		/**< add it */
	NOTRACK_LEAVE,			/**< leave it tracked, for the reason given */
	NOTRACK_ALREADY			/**< it is in the model, and these entries are old */
};

/** struct notrack_advice - about one service that fills the table */
struct notrack_advice {
	size_t size;
	enum notrack_advice_kind kind;
	const struct notrack_service *service;	/**< for notrack_add_service() */
	uint64_t count;			/**< entries */
	double share;			/**< of the table, 0 to 1 */
	const char *text;		/**< the figures, or the reason */
};

/** struct hashlimit_advice - about a source that is over-eager */
struct hashlimit_advice {
	size_t size;
	const char *service;
	const char *prefix;
	uint64_t count;			/**< entries of this source, or requests counted */
	uint64_t median;		/**< the same of the median source of the service */
	const struct hashlimit *limit;	/**< for hashlimit_add_client(); NULL: not counted, and
					     how often a source asks, its entries do not tell */
	double rate;			/**< requests a second of this source, as counted; 0:
					     not counted */
	double median_rate;		/**< of the median source of those that asked */
};

/** struct notrack_advise_request - where advice begins; 0 is the default */
struct notrack_advise_request {
	size_t size;
	double threshold;		/**< share of the table, 0.001 to 1; 0.05 */
	double times;			/**< the median source's requests, or entries, 1 to
					     1000000; 10 */
	unsigned int seconds;		/**< count requests for so long, at most 3600; 0: judge
					     sources by their entries */
};

/**
 * notrack_advise - which services to untrack, and which sources to limit
 * @request: may be NULL
 * @service: called for each service over the threshold, most entries first; may
 *	be NULL
 * @client: called for each over-eager source, but for those that have a limit, of
 *	the services that are in the model or that @service was told to add, most
 *	entries first; may be NULL
 *
 * Reads the connection tracking table twice; with @seconds, once, and counts the
 * requests that arrive in that time, which the call takes (needs CAP_NET_RAW).  One
 * entry stands for all requests that a client sends from one port: by entries alone,
 * nobody can tell how often it asks.  A service is left tracked where
 * an untracked packet would miss something: address translation, a conntrack
 * helper; where its flows are forwarded; where there are few, long ones; or where
 * notrack_commit() would refuse it.
 * The model, as notrack_load() made it, tells what is untracked already.
 * Returns and errors: as notrack_usage().
 * Since: 1.0
 */
int notrack_advise(struct notrack *nt, const struct notrack_advise_request *request,
		   int (*service)(const struct notrack_advice *advice, void *data),
		   int (*client)(const struct hashlimit_advice *advice, void *data),
		   void *data);

/** struct notrack_flushed - what notrack_flush_tracked() did */
struct notrack_flushed {
	size_t size;
	uint64_t removed;		/**< entries */
	uint64_t left;			/**< of services bound to interfaces, which entries
					     do not name */
};

/**
 * notrack_flush_tracked - delete the entries of flows that are tracked no more
 * @flushed: filled in; may be NULL
 *
 * Entries that were there when a service came stay until they time out.  This
 * deletes those whose packets the rules of the model's services untrack, by
 * protocol, port, role and addresses, and no others: call notrack_load() or
 * notrack_commit() before.  Flows that are forwarded for others are no service's.
 * Returns: 0, or -errno as notrack_usage(); what was deleted until then stays so.
 * Since: 1.0
 */
int notrack_flush_tracked(struct notrack *nt, struct notrack_flushed *flushed);

/** struct hashlimit_bucket - what a limit knows of one source */
struct hashlimit_bucket {
	size_t size;
	const char *source;		/**< prefix of the limit's srcmask */
	const char *above;		/**< the limit's rate */
	uint32_t burst;
	uint32_t available;		/**< requests that would pass at this moment; UINT32_MAX
					     where the kernel does not tell, as in nftables */
	uint32_t expires_ms;		/**< unused for so long, it is forgotten */
};

/**
 * hashlimit_each_bucket - visit the sources that the limits of a service count
 * @service: in the model
 * @visit: gets those with the fewest requests left first, or, where that is not
 *	known, those that asked last; other than 0 ends it
 *
 * From /proc/net/ipt_hashlimit and ip6t_hashlimit, or the sets of nftables.  Both
 * have a source from its first request until it has been quiet for the time in
 * which its burst fills up again.  One with nothing available is over its limit
 * now.
 * Returns: 0, what @visit returned, -ENOENT without such a service, -ENOMEM, -EIO.
 * Since: 1.0
 */
int hashlimit_each_bucket(struct notrack *nt, const char *service,
			  int (*visit)(const struct hashlimit_bucket *bucket, void *data),
			  void *data);

/* --- the host --------------------------------------------------------- */

enum notrack_status {
	NOTRACK_OK,
	NOTRACK_WARNING,	/**< works, but look at it */
	NOTRACK_FAILED		/**< a commit will fail; or packets go wrong */
};

/** struct notrack_check - one thing that was looked at */
struct notrack_check {
	size_t size;
	const char *name;	/**< "table raw (IPv4)" */
	enum notrack_status status;
	int err;		/**< what a commit would fail with: -errno, or 0 */
	const char *text;	/**< a sentence: what is there, or what to do */
};

/**
 * notrack_doctor - what a commit needs, whether this host has it, and what else
 * is in the way of packets
 * @visit: called for each check; other than 0 ends the call
 *
 * Looked at are the packet filter, the lock, how full the connection tracking table
 * is and whether the kernel log says that it was full, who else filters packets, what
 * packets that are not tracked miss (NAT, marks), whether the host forwards packets, and
 * whether there is a watch.  For firewall managers, the text has the lines to run, for the
 * services that the kernel has.
 * Changes nothing: tables that the network namespace does not have are tried in
 * one that lives for the moment, where that is allowed.
 * Returns: 0, or what @visit returned.
 * Since: 1.0
 */
int notrack_doctor(struct notrack *nt,
		   int (*visit)(const struct notrack_check *check, void *data), void *data);

/* --- what becomes of packets ------------------------------------------ */

enum notrack_answer {
	NOTRACK_NO,
	NOTRACK_YES,
	NOTRACK_UNSURE		/**< a rule asks for what the library does not read */
};

enum notrack_verdict {
	NOTRACK_ACCEPT,
	NOTRACK_DROP,
	NOTRACK_ACCEPT_OR_DROP	/**< one of them: see NOTRACK_UNSURE */
};

/** struct notrack_flow - packets of a service that pass one hook */
struct notrack_flow {
	size_t size;
	const char *service;
	unsigned int family;		/**< NOTRACK_IPV4 or NOTRACK_IPV6 */
	const char *protocol;		/**< "udp", "tcp", "sctp", "udplite" */
	const char *role;		/**< "inbound", "outbound" */
	const char *packet;		/**< "request", "reply" */
	const char *hook;		/**< "input": raw PREROUTING, then filter INPUT;
					     "output": OUTPUT of both */
	enum notrack_answer untracked;
	enum notrack_verdict verdict;
	const char *by;			/**< what decided on @verdict, as "filter INPUT 3",
					     rules from 1 on, or "filter INPUT policy" */
	const char *interface;		/**< "lo": at the hook that the packet meets only
					     where the host asks itself; NULL elsewhere */
};

/** struct notrack_finding - something to look at, and what to do about it */
struct notrack_finding {
	size_t size;
	const char *code;		/**< "tracked", "dropped", "unsure": a flow is;
					     "rule-ahead": a rule of others stands ahead of
					     our jump and drops or tracks packets of a flow;
					     "jump-missing": nothing leads to our chains;
					     "drift": our chains are not what the model says;
					     "nat": a rule of table nat has no effect;
					     "synproxy": SYNPROXY protects the service no more;
					     "forwarded": answers for others would be untracked;
					     "mark", "helper": a rule does what takes a
					     connection; "rate": one counts each question now;
					     "open-source-port": one lets in what is sent from
					     the service's port;
					     "numbers": rules of ours stand ahead of rules of the
					     host, whose numbers are others than before;
					     "opened": a service was opened over a protocol, as
					     rules let everybody in over another one;
					     "widened": a rule would no longer drop packets;
					     "shadowed": one accepts packets as they are not
					     tracked, ahead of rules that they met before */
	enum notrack_status severity;	/**< NOTRACK_WARNING or NOTRACK_FAILED */
	const char *text;		/**< a sentence */
};

/**
 * notrack_each_finding - what the last commit or diff found about this host
 * @visit: a value other than 0 ends it, and is returned
 *
 * notrack_verify() and notrack_explain() compare as notrack_diff() does, and leave what that
 * finds.
 *
 * Of NOTRACK_FAILED: packets fare differently than they did when they were tracked, which a
 * commit does only with NOTRACK_FORCE; of NOTRACK_WARNING: what nobody can be sure of.  A
 * commit that changed no more than clients looks at none of it.
 * Returns: 0, what @visit returned, or -errno.
 * Since: 1.0
 */
int notrack_each_finding(struct notrack *nt,
			 int (*visit)(const struct notrack_finding *finding, void *data),
			 void *data);

/**
 * notrack_verify - walk the flows of the model through the kernel's tables
 * @service: this one only; may be NULL: all
 * @flow: called for each service, family, protocol, role, packet and hook; may
 *	be NULL
 * @finding: called for each finding, after all flows; may be NULL
 *
 * The tables are taken as they stand, rules of others included.  What is asked
 * about is the usual packet of a flow: one within the service's ports, prefixes
 * and interfaces that has no address, interface or port that a rule names on
 * its own, and that keeps to every rate.  What rules do to the packets that they
 * do name is told as a finding.  Of TCP, both a SYN and a later segment are
 * asked about, and the worse of the two is told.
 *
 * The model is that of @nt: call notrack_load() first to verify what the kernel
 * has; hold the lock around both, or a commit under way may be seen in part.
 * Neither model nor kernel is changed.  Strings are good until the visitor
 * returns; one that returns other than 0 ends the call.
 * Returns: the number of findings that are NOTRACK_FAILED, which is 0 where
 * each flow is untracked and accepted; what a visitor returned; or -errno,
 * -ENOENT if there is no such service.  With an -errno of the library's own,
 * notrack_error() has a sentence; after a visitor ended the call it is "".  A
 * visitor had better not return a number above 0, which looks like one of findings.
 * Since: 1.0
 */
int notrack_verify(struct notrack *nt, const char *service,
		   int (*flow)(const struct notrack_flow *flow, void *data),
		   int (*finding)(const struct notrack_finding *finding, void *data),
		   void *data);

/** enum notrack_way - which packets of a flow */
enum notrack_way {
	NOTRACK_WAY_TRACKED,		/**< as they would be, if nothing of ours untracked them */
	NOTRACK_WAY_UNTRACKED		/**< as the rules have it */
};

/** struct notrack_step - a rule that the usual packet of a flow meets */
struct notrack_step {
	size_t size;
	const struct notrack_flow *flow;/**< without @untracked, @verdict and @by */
	enum notrack_way way;
	const char *place;		/**< "filter INPUT 3", "inet filter input policy" */
	const char *rule;		/**< in the words of iptables-save(8), or of "nft list"; what
					     the library does not read is left out, or in
					     parentheses; "": a policy */
	const char *outcome;		/**< "accept", "drop", "return", "enter" a chain, "go on";
					     "perhaps": nobody knows */
	int parts;			/**< not 0: here, the two ways part: the first rule, but for
					     those of this library, that the other way does not
					     have */
};

/**
 * notrack_explain - the whole way of each flow, as tracked and as untracked
 * @service: this one only; may be NULL: all
 * @step: called for each rule that the usual packet of a flow meets, in the order of
 *	the kernel: the way of the tracked packet, then that of the untracked one
 *
 * As notrack_verify(), whose flows these are; of TCP, the SYN is followed.
 * Returns: 0, what @step returned, or -errno.
 * Since: 1.0
 */
int notrack_explain(struct notrack *nt, const char *service,
		    int (*step)(const struct notrack_step *step, void *data), void *data);

#ifdef __cplusplus
}
#endif

#endif /* NOTRACK_H */
