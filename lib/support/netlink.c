/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/clock.h"
#include "support/retry.h"

/* The kernel fills up to 32 KiB for a reader that has room for them. */
#define BUFFER_SIZE (64 * 1024)
/* The kernel answers at once; so long we wait for it, and put up with others. */
#define WAIT_MS 5000
/* Requests of more bytes need a larger queue than a socket has at first. */
#define SEND_USUAL (64 * 1024)

enum wait { NO_WAIT, WAIT };

/* --- the socket ------------------------------------------------------- */

static uint32_t random_number(void)
{
	uint32_t number;

	/* early at boot there may be none, and nobody to guess either */
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint32_t)(now_ms() * 2654435761u ^ (uintptr_t)&number);
	return number;
}

int netlink_open(struct netlink *netlink, int protocol)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int one = 1, err;

	*netlink = (struct netlink){ .fd = -1, .buffer = malloc(BUFFER_SIZE) };
	if (!netlink->buffer)
		return -ENOMEM;
	netlink->sequence = random_number();
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	/* connect() gives the socket its own port as well: there is no moment in between */
	if (netlink->fd < 0 || connect(netlink->fd, (const void *)&kernel, sizeof(kernel))) {
		err = -errno;
		netlink_close(netlink);
		return err;
	}
	/* a refusal need not bring the request back, which may be larger than our buffer */
	setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

int netlink_explain(int err, const char *what, struct error *error)
{
	errno = -err;
	switch (err) {
	case -EAFNOSUPPORT:	/* of no kernel with a network: somebody filters system calls */
		return error_set(error, -EPERM, "this program may not open sockets of AF_NETLINK: allow "
				 "it that address family, as with RestrictAddressFamilies= in a unit of "
				 "systemd");
	case -EPERM:
	case -EACCES:
		return error_set(error, -EPERM, "%s: not permitted; run as root, or with CAP_NET_ADMIN "
				 "in this network namespace", what);
	case -ENOMEM:
		return error_set(error, err, "%s: out of memory", what);
	case -ENOBUFS:
	case -ETIMEDOUT:
		return error_set(error, -EBUSY, "%s: answers of the kernel were lost, as too much arrived "
				 "at once; try again", what);
	case -EINTR:
	case -EBUSY:	/* netlink_ask_whole() */
		return error_set(error, -EBUSY, "%s: another program keeps changing it; try again", what);
	default:
		return error_set(error, error_of_system(err), "%s: %m", what);
	}
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->buffer && netlink->fd >= 0)
		close(netlink->fd);
	free(netlink->buffer);
	*netlink = (struct netlink){ .fd = -1 };
}

uint32_t netlink_next(struct netlink *netlink)
{
	if (!++netlink->sequence)	/* that of the kernel's own messages */
		++netlink->sequence;
	return netlink->sequence;
}

bool netlink_be_strict(const struct netlink *netlink)
{
	int one = 1;

	return !setsockopt(netlink->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
}

static int join(struct netlink *netlink, unsigned int group)
{
	return setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) ? -errno : 0;
}

int netlink_listen(struct netlink *netlink, int protocol, const unsigned int *groups, size_t count)
{
	int err = netlink_open(netlink, protocol);

	for (size_t i = 0; i < count && !err; i++)
		err = join(netlink, groups[i]);
	if (err)
		netlink_close(netlink);
	return err;
}

struct nlmsghdr *netlink_message(void *buffer, int type, int flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return message;
}

static int send_requests(const struct netlink *netlink, const void *requests, size_t size)
{
	int room = size < INT32_MAX / 2 ? (int)size : INT32_MAX / 2;

	if (size > SEND_USUAL && setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
					    sizeof(room)))
		setsockopt(netlink->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (send(netlink->fd, requests, size, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static bool is_of_kernel(const struct msghdr *header)
{
	const struct sockaddr_nl *from = header->msg_name;

	return header->msg_namelen == sizeof(*from) && from->nl_family == AF_NETLINK &&
	       !from->nl_pid;
}

/* Until something is there, or @deadline. */
static void wait_until(int fd, uint64_t deadline)
{
	uint64_t now = now_ms();

	if (now < deadline)
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, (int)(deadline - now));
}

/* The size of the kernel's next datagram, past those of others; -EAGAIN: there is none. */
static ssize_t receive(const struct netlink *netlink, enum wait wait)
{
	uint64_t deadline = now_ms() + WAIT_MS;

	do {
		struct sockaddr_nl from = { .nl_pid = UINT32_MAX };
		struct iovec room = { netlink->buffer, BUFFER_SIZE };
		struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof(from),
					 .msg_iov = &room, .msg_iovlen = 1 };
		ssize_t size = recvmsg(netlink->fd, &header, MSG_DONTWAIT);

		if (size >= 0 && is_of_kernel(&header))
			return header.msg_flags & MSG_TRUNC ? -EMSGSIZE : size;
		if (size < 0 && errno == EAGAIN) {
			if (wait == NO_WAIT)
				return -EAGAIN;
			wait_until(netlink->fd, deadline);
		} else if (size < 0 && errno != EINTR) {
			return -errno;
		}
	} while (now_ms() < deadline);
	return -ETIMEDOUT;
}

/* --- answers ---------------------------------------------------------- */

/* The kernel's MAX_ERRNO, and behind it the errors that ipset has of its own. */
#define ERRNO_MAX (4095 + 1024)

int netlink_status(const struct nlmsghdr *message)
{
	bool told = message->nlmsg_len >= NLMSG_LENGTH(sizeof(int));
	int status = told ? *(const int *)NLMSG_DATA(message) : 0;

	if (status > 0 || status < -ERRNO_MAX || (!told && message->nlmsg_type == NLMSG_ERROR))
		return -EBADMSG;
	return status;
}

static bool is_asked_for(const struct netlink_answers *answers, const struct nlmsghdr *message)
{
	return answers->events ||
	       message->nlmsg_seq - answers->first <= answers->last - answers->first;
}

/*
 * Of a dump nothing is lost where the socket's queue is full: the kernel goes on with it
 * as room is made.  Of all else an answer may be.
 */
static bool is_harmless(bool dump, int err)
{
	return dump && err == -ENOBUFS;
}

static int take_message(struct netlink_answers *answers, const struct nlmsghdr *message)
{
	bool ends = message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR;

	if (!is_asked_for(answers, message) ||
	    (ends && is_harmless(answers->dump, netlink_status(message))))
		return 0;
	answers->interrupted |= message->nlmsg_flags & NLM_F_DUMP_INTR;
	if (ends)
		answers->settled++;
	if (ends && !answers->all)
		return netlink_status(message);
	if (!answers->take || (message->nlmsg_type < NLMSG_MIN_TYPE && !ends))
		return 0;
	return answers->take(message, answers->data);
}

int netlink_answers_take(struct netlink_answers *answers, const void *datagram, size_t size)
{
	const struct nlmsghdr *message = datagram;
	int result = 0;

	while (size && !result) {
		size_t step;

		if (size < sizeof(*message) || message->nlmsg_len < sizeof(*message) ||
		    message->nlmsg_len > size)
			return -EBADMSG;
		result = take_message(answers, message);
		if (answers->settled && !answers->all)
			break;
		step = NLMSG_ALIGN(message->nlmsg_len);
		if (step > size)
			step = size;
		message = (const void *)((const char *)message + step);
		size -= step;
	}
	return result;
}

static int play(const struct tape_dump *dump, struct netlink_answers *answers)
{
	const void *datagram = NULL;
	size_t size = 0;
	int err = 0;

	answers->first = answers->last = tape_sequence(dump);
	while (!err && !answers->settled && (datagram = tape_next(dump, datagram, &size)))
		err = netlink_answers_take(answers, datagram, size);
	return err;
}

/* Takes a datagram, and what was recorded before it, where there is no room for it there. */
static int take_now(struct netlink *netlink, struct netlink_answers *answers,
		    struct tape_dump **recorded, size_t size)
{
	int err = *recorded ? play(*recorded, answers) : 0;

	tape_drop(*recorded);
	*recorded = NULL;
	return err ? err : netlink_answers_take(answers, netlink->buffer, size);
}

/*
 * Takes answers until the request is settled.  What is recorded is looked at when all of it is
 * there: the kernel goes through its rules again and again, and is faster where nobody else
 * drives them out of the processor's caches.
 */
static int hear(struct netlink *netlink, struct netlink_answers *answers,
		struct tape_dump **recorded)
{
	struct netlink_answers ahead = *answers;
	int err = 0;

	ahead.take = NULL;
	while (!err && !answers->settled && !ahead.settled) {
		ssize_t size = receive(netlink, WAIT);

		if (size < 0 && !is_harmless(answers->dump, (int)size))
			return (int)size;
		if (size <= 0)
			continue;
		if (tape_add(netlink->tape, *recorded, netlink->buffer, (size_t)size))
			err = netlink_answers_take(&ahead, netlink->buffer, (size_t)size);
		else
			err = take_now(netlink, answers, recorded, (size_t)size);
	}
	if (!err && *recorded)
		err = play(*recorded, answers);
	return !err && answers->interrupted ? -EINTR : err;
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *request, netlink_take *take, void *data)
{
	struct netlink_answers answers = {
		.dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
		.take = take,
		.data = data,
	};
	const struct tape_dump *known = answers.dump ? tape_find(netlink->tape, request) : NULL;
	struct tape_dump *recorded = NULL;
	int err;

	if (known)
		return play(known, &answers);
	request->nlmsg_seq = answers.first = answers.last = netlink_next(netlink);
	if (answers.dump)
		recorded = tape_record(netlink->tape, request);
	else
		request->nlmsg_flags |= NLM_F_ACK;
	err = send_requests(netlink, request, request->nlmsg_len);
	if (!err)
		err = hear(netlink, &answers, &recorded);
	if (err)
		tape_drop(recorded);
	else
		tape_keep(netlink->tape, recorded);
	return err;
}

int netlink_ask_whole(struct netlink *netlink, struct nlmsghdr *request, netlink_take *take,
		      void (*begin)(void *data), void *data)
{
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++) {
		begin(data);
		err = netlink_ask(netlink, request, take, data);
	}
	return err == -EINTR ? -EBUSY : err;
}

int netlink_talk(struct netlink *netlink, const void *requests, size_t size,
		 unsigned int acknowledged, netlink_take *take, void *data)
{
	const struct nlmsghdr *first = requests;
	struct netlink_answers answers = { .first = first->nlmsg_seq, .last = netlink->sequence,
					   .all = true, .take = take, .data = data };
	int err = send_requests(netlink, requests, size);

	while (!err) {
		ssize_t got = receive(netlink, answers.settled < acknowledged ? WAIT : NO_WAIT);

		if (got == -EAGAIN)
			break;
		err = got < 0 ? (int)got : netlink_answers_take(&answers, netlink->buffer, (size_t)got);
	}
	return err;
}

int netlink_receive(struct netlink *netlink, netlink_take *take, void *data)
{
	struct netlink_answers answers = { .events = true, .all = true, .take = take, .data = data };
	int err = 0;

	while (!err) {
		ssize_t size = receive(netlink, NO_WAIT);

		if (size == -EAGAIN)
			break;
		err = size < 0 ? (int)size : netlink_answers_take(&answers, netlink->buffer, (size_t)size);
	}
	return err;
}

static int note_any(const struct nlmsghdr *message, void *data)
{
	(void)message;
	*(bool *)data = true;
	return 0;
}

bool netlink_heard(struct netlink *netlink)
{
	bool heard = false;

	if (netlink->fd < 0)
		return false;
	while (netlink_receive(netlink, note_any, &heard) == -ENOBUFS)
		heard = true;
	return heard;
}
