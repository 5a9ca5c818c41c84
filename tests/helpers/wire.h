/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets of any kind on their way in and out of HOST, and whether they get
 * there.  HOST has two links, veth0 and veth1; what is at their other ends is the
 * test itself, frame by frame, so that nobody answers.
 *
 *	veth0	192.0.2.1/24, 2001:db8::1/64, the default route
 *	veth1	203.0.113.1/24, 2001:db8:f::1/64
 *
 * What arrives is told by a number in each packet.  That a packet did not arrive
 * is known as soon as one that was sent after it has: the rules under test must
 * let UDP from port 9 to port 9 pass.
 */
#ifndef NOTRACK_TESTS_WIRE_H
#define NOTRACK_TESTS_WIRE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum way { WIRE_IN, WIRE_OUT, WIRE_LO };
/* Headers of IPv6 ahead of UDP or TCP. */
enum wire_extension { WIRE_NO_EXTENSION, WIRE_HOP_BY_HOP, WIRE_ROUTING, WIRE_TO_DESTINATION };

struct wire_packet {
	int domain;			/* AF_INET, AF_INET6 */
	enum way way;
	const char *interface;		/* "veth0", "veth1"; of WIRE_LO "lo" */
	struct in6_addr source, destination;	/* of IPv4, the first four bytes */
	uint8_t protocol;		/* IPPROTO_UDP or IPPROTO_TCP */
	uint8_t tcp_flags;
	uint16_t source_port, destination_port;
	enum wire_extension extension;
	uint32_t mark;			/* of WIRE_OUT: that its socket gives it */
	bool to_all;			/* of WIRE_IN: all on the link are sent it, though it is for one */
};

/* The ports at which HOST takes TCP, and does not answer. */
extern const uint16_t wire_ports[3];
/* And those at which it takes answers over TCP. */
extern const uint16_t wire_client_ports[16];

/* Makes the links; the test's process stays on one processor from then on. */
void wire_begin(void);

/* Sends each, and says of each whether it came through. */
void wire_send(const struct wire_packet *packets, bool *arrived, unsigned int count);

/* In words. */
char *wire_text(const struct wire_packet *packet);

#endif
