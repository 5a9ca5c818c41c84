/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel_says.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "fuzz.h"

static const uint8_t *input, *input_end;
static uint32_t sequence;	/* of the latest request */

int socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	(void)fd;
	(void)to;
	(void)size;
	return 0;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	(void)fd;
	(void)flags;
	promise(size >= sizeof(struct nlmsghdr) && ((const struct nlmsghdr *)data)->nlmsg_len <= size);
	sequence = ((const struct nlmsghdr *)data)->nlmsg_seq;
	return (ssize_t)size;
}

/* Numbers in the input count from that of the request. */
static void number_messages(char *bytes, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr message;
		size_t step;

		memcpy(&message, bytes, sizeof(message));
		message.nlmsg_seq += sequence;
		memcpy(bytes, &message, sizeof(message));
		if (message.nlmsg_len < sizeof(message) || (size_t)message.nlmsg_len + 3 > size)
			break;
		step = NLMSG_ALIGN(message.nlmsg_len);
		bytes += step;
		size -= step;
	}
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
	struct sockaddr_nl *from = header->msg_name;
	size_t size, room = header->msg_iov->iov_len;

	(void)fd;
	(void)flags;
	if (input_end - input < 3) {
		errno = ENETDOWN;
		return -1;
	}
	size = (size_t)(input[1] | input[2] << 8);
	*from = (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = input[0] & 1 ? 4711 : 0 };
	if (input[0] & 2) {
		errno = input[0] & 4 ? ENOBUFS : EINTR;
		input += 3;
		return -1;
	}
	input += 3;
	if (size > (size_t)(input_end - input))
		size = (size_t)(input_end - input);
	header->msg_flags = size > room ? MSG_TRUNC : 0;
	memcpy(header->msg_iov->iov_base, input, size < room ? size : room);
	number_messages(header->msg_iov->iov_base, size < room ? size : room);
	input += size;
	return (ssize_t)size;
}

void kernel_says(const uint8_t *data, size_t size)
{
	input = data;
	input_end = data + size;
}
