/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asked_dns.h"

#include <stdlib.h>
#include <unistd.h>

#include "backend_host.h"
#include "run.h"

struct backend_host *given_dns(void)
{
	struct backend_host *host = host_new(NOTRACK_ANY);

	host_add(host, "dns");
	return host;
}

char *nft_ruleset(void)
{
	return must("nft -a list ruleset").out;
}

unsigned int entries_of(const char *port)
{
	struct run found = run("sh -c 'grep -c port=%s\\  /proc/thread-self/net/nf_conntrack'", port);

	return (unsigned int)atoi(found.out);
}

void must_exchange(const struct family *family, struct end client, struct end server)
{
	int server_fd = udp_open(family, server), fd = udp_open(family, client);

	ck_assert_msg(udp_exchange(family, fd, server_fd, server), "%s asks %s", client.address,
		      server.address);
	close(fd);
	close(server_fd);
	ck_assert_msg(tcp_exchange(family, client, server, 3), "%s connects to %s",
		      client.address, server.address);
}

void everybody_is_answered(const struct family *family)
{
	must_exchange(family, (struct end){ PEER, family->peer, 0 },
		      (struct end){ HOST, family->host, 53 });
	must_exchange(family, (struct end){ HOST, family->host, 0 },
		      (struct end){ PEER, family->peer, 53 });
	must_exchange(family, (struct end){ HOST, family->lo, 0 },
		      (struct end){ HOST, family->lo, 53 });
}

void given_text(const char *text)
{
	must_as(&(struct how){ .input = text }, "nft -f -");
}

void given_iptables_text(const char *text)
{
	must_as(&(struct how){ .input = text }, "iptables-nft-restore");
	must_as(&(struct how){ .input = text }, "ip6tables-nft-restore");
}

void commit_untracks_who_is_answered(struct backend_host *host)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		everybody_is_answered(&families[i]);
	ck_assert_uint_gt(entries_of("53"), 0);
	must("conntrack -F");

	host_commit(host);

	for (int i = 0; i < FAMILY_COUNT; i++) {
		everybody_is_answered(&families[i]);
		must_exchange(&families[i], (struct end){ PEER, families[i].peer, 0 },
			 (struct end){ HOST, families[i].host, 7 });
	}
	ck_assert_uint_eq(entries_of("53"), 0);
	ck_assert_uint_gt(entries_of("7"), 0);
}
