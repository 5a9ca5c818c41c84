/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entries.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "conntrack/conntrack.h"
#include "unit.h"

static struct conntrack *conntrack(void)
{
	static struct conntrack opened;
	static bool is_open;
	struct error error;

	expect(is_open || !conntrack_open(&opened, &error), "%s", error.text);
	is_open = true;
	return &opened;
}

static int ignore(const struct nlmsghdr *message, void *data)
{
	(void)message;
	(void)data;
	return 0;
}

void entries_forget(void)
{
	char buffer[64] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *head;

	request->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	expect(!netlink_ask(&conntrack()->netlink, request, ignore, NULL), "entries stay");
}

struct visit {
	void (*visit)(const struct entry *entry, void *data);
	void *data;
};

static int visit_one(const struct tracked *tracked, void *data)
{
	const struct visit *visit = data;
	const struct entry entry = {
		.domain = tracked->family == IPV6 ? AF_INET6 : AF_INET,
		.protocol = tracked->protocol,
		.source_port = tracked->original.source_port,
		.destination_port = tracked->original.destination_port,
	};

	visit->visit(&entry, visit->data);
	return 0;
}

void entries_each(void (*visit)(const struct entry *entry, void *data), void *data)
{
	struct visit all = { visit, data };
	struct error error;

	expect(!conntrack_dump(conntrack(), CONNTRACK_ORIGINAL, visit_one, &all, &error), "%s",
	       error.text);
}
