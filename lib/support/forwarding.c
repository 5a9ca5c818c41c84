/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IPv4 asks the interface that a packet comes by whether to forward it; net.ipv4.ip_forward
 * sets all of them at once, but systemd-networkd, for one, can set single ones (IN_DEV_FORWARD
 * in net/ipv4/route.c).  IPv6 asked net.ipv6.conf.all.forwarding alone until Linux 6.17, which has
 * force_forwarding for each interface; with "forwarding" of its own, an interface acts as that
 * of a router (ip-sysctl.rst), so that it counts as well.
 */
#include "support/forwarding.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/attribute.h"
#include "support/error.h"

/* /proc/sys/net is that of the calling thread's namespace. */
#define SETTINGS "/proc/sys/net"

struct finding {
	char *names;
	size_t size;
	bool starved;			/* for want of memory, or of descriptors, not all was read */
	unsigned int protocols;		/* FORWARDS_* */
};

static void add_name(struct finding *finding, unsigned int protocols, const char *name)
{
	size_t used = strlen(finding->names);

	finding->protocols |= protocols;
	if (used + strlen(", ") + strlen(name) < finding->size)
		sprintf(finding->names + used, "%s%s", used ? ", " : "", name);
}

static void note_failure(struct finding *finding, int err)
{
	finding->starved |= error_of_system(err) == -ENOMEM;
}

/* A kernel without it, or without the protocol, has it off; what cannot be read may be on. */
static bool is_on(struct finding *finding, const char *path)
{
	char first = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0) {
		note_failure(finding, -errno);
		return errno != ENOENT;
	}
	got = read(fd, &first, 1);
	close(fd);
	return got == 1 && first != '0';
}

static bool is_on_for(struct finding *finding, const char *version, const char *interface,
		      const char *what)
{
	char path[sizeof(SETTINGS "/ipv6/conf//force_forwarding") + NAME_MAX];

	snprintf(path, sizeof(path), SETTINGS "/%s/conf/%s/%s", version, interface, what);
	return is_on(finding, path);
}

/* What all have, the single ones have, too. */
static void find_in(struct finding *finding, const char *version, const char *what)
{
	char name[sizeof("net.ipv6.conf..force_forwarding") + NAME_MAX];
	const unsigned int protocol = strcmp(version, "ipv4") ? FORWARDS_IPV6 : FORWARDS_IPV4;
	const bool all = is_on_for(finding, version, "all", what);
	const struct dirent *entry;
	DIR *interfaces;

	if (all) {
		snprintf(name, sizeof(name), "net.%s.conf.all.%s", version, what);
		add_name(finding, protocol, protocol == FORWARDS_IPV6 ? name : "net.ipv4.ip_forward");
		return;
	}
	snprintf(name, sizeof(name), SETTINGS "/%s/conf", version);
	interfaces = opendir(name);
	if (!interfaces && errno != ENOENT) {
		note_failure(finding, -errno);
		add_name(finding, protocol, FORWARDING_UNKNOWN);
	}
	while (interfaces && (entry = readdir(interfaces))) {
		if (*entry->d_name == '.' || !strcmp(entry->d_name, "lo") ||
		    !is_on_for(finding, version, entry->d_name, what))
			continue;
		snprintf(name, sizeof(name), "net.%s.conf.%s.%s", version, entry->d_name, what);
		add_name(finding, protocol, name);
	}
	if (interfaces)
		closedir(interfaces);
}

/* --- bridges ------------------------------------------------------------ */

/*
 * Those for all bridges are on as soon as their module is there, and say nothing where there is
 * no bridge.  A bridge has others of its own, and hands packets on where either is on
 * (br_nf_pre_routing() in net/bridge/br_netfilter_hooks.c).  These count without the module as
 * well: it may come later, unseen.
 */
static const struct bridge_switch {
	const char *of_all, *of_one;
	int attribute;
	unsigned int protocol;
} bridge_switches[] = {
	{ "bridge-nf-call-iptables", "nf_call_iptables", IFLA_BR_NF_CALL_IPTABLES, FORWARDS_IPV4 },
	{ "bridge-nf-call-ip6tables", "nf_call_ip6tables", IFLA_BR_NF_CALL_IP6TABLES, FORWARDS_IPV6 },
};

struct bridges {
	struct finding *finding;
	bool any;
	size_t named;			/* what was found before: so long, and of these protocols */
	unsigned int protocols;
};

static void begin_bridges(void *data)
{
	struct bridges *bridges = data;

	bridges->any = false;
	bridges->finding->names[bridges->named] = '\0';
	bridges->finding->protocols = bridges->protocols;
}

static void take_switch(const struct bridges *bridges, const char *bridge, const struct nlattr *attr)
{
	char name[sizeof("nf_call_ip6tables of ") + IFNAMSIZ];

	for (size_t i = 0; i < sizeof(bridge_switches) / sizeof(bridge_switches[0]); i++) {
		if (type_of(attr) != bridge_switches[i].attribute || !holds(attr, 1) ||
		    !*(const uint8_t *)payload(attr))
			continue;
		snprintf(name, sizeof(name), "%s of %s", bridge_switches[i].of_one, bridge);
		add_name(bridges->finding, bridge_switches[i].protocol, name);
	}
}

/* A kernel that knows no filter for dumps hands over all interfaces. */
static int take_bridge(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const struct nlattr *attr, *about = NULL, *switches = NULL;
	const char *name = "a bridge", *kind = NULL;
	struct bridges *bridges = data;

	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return 0;
	each_attribute(attr, (const void *)(info + 1), message_end(message)) {
		if (type_of(attr) == IFLA_IFNAME && string_in(attr))
			name = string_in(attr);
		else if (type_of(attr) == IFLA_LINKINFO)
			about = attr;
	}
	if (!about)
		return 0;
	each_attribute(attr, payload(about), end_of(about)) {
		if (type_of(attr) == IFLA_INFO_KIND)
			kind = string_in(attr);
		else if (type_of(attr) == IFLA_INFO_DATA)
			switches = attr;
	}
	if (!kind || strcmp(kind, "bridge"))
		return 0;
	bridges->any = true;
	if (switches)
		each_attribute(attr, payload(switches), end_of(switches))
			take_switch(bridges, name, attr);
	return 0;
}

static int ask_bridges(struct bridges *bridges)
{
	struct {
		struct nlmsghdr message;
		struct ifinfomsg info;
		struct nlattr about, kind;
		char name[sizeof("bridge") + 1];	/* with what fills it up */
	} request = {
		.message = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.about = { .nla_len = 2 * sizeof(struct nlattr) + sizeof(request.name),
			   .nla_type = IFLA_LINKINFO | NLA_F_NESTED },
		.kind = { .nla_len = sizeof(struct nlattr) + sizeof("bridge"),
			  .nla_type = IFLA_INFO_KIND },
		.name = "bridge",
	};
	struct netlink netlink;
	int err = netlink_open(&netlink, NETLINK_ROUTE);

	if (!err)
		err = netlink_ask_whole(&netlink, &request.message, take_bridge, begin_bridges,
					bridges);
	netlink_close(&netlink);
	return err;
}

static void find_bridges(struct finding *finding)
{
	struct bridges bridges = { .finding = finding, .named = strlen(finding->names),
				   .protocols = finding->protocols };
	const int unknown = ask_bridges(&bridges);
	char path[100];

	if (unknown) {
		note_failure(finding, unknown);
		add_name(finding, FORWARDS_ALL, "bridges cannot be listed");
	}
	for (size_t i = 0; i < sizeof(bridge_switches) / sizeof(bridge_switches[0]); i++) {
		snprintf(path, sizeof(path), SETTINGS "/bridge/%s", bridge_switches[i].of_all);
		if (!is_on(finding, path) || !(bridges.any || unknown))
			continue;
		snprintf(path, sizeof(path), "net.bridge.%s", bridge_switches[i].of_all);
		add_name(finding, bridge_switches[i].protocol, path);
	}
}

/* --- all of them -------------------------------------------------------- */

static void find_all(struct finding *finding)
{
	*finding->names = '\0';
	if (access(SETTINGS "/ipv4/ip_forward", R_OK)) {
		add_name(finding, FORWARDS_ALL, FORWARDING_UNKNOWN);
		return;
	}
	find_in(finding, "ipv4", "forwarding");
	find_in(finding, "ipv6", "forwarding");
	find_in(finding, "ipv6", "force_forwarding");
	find_bridges(finding);
}

int forwarding_find(char *names, size_t size)
{
	struct finding finding = { .names = names, .size = size };

	find_all(&finding);
	return finding.starved ? -ENOMEM : 0;
}

int forwarding_protocols(void)
{
	char names[FORWARDING_TEXT];
	struct finding finding = { .names = names, .size = sizeof(names) };

	find_all(&finding);
	return finding.starved ? -ENOMEM : (int)finding.protocols;
}

int forwarding_is_on(void)
{
	char names[FORWARDING_TEXT] = "";
	struct finding finding = { .names = names, .size = sizeof(names) };
	bool all = is_on(&finding, SETTINGS "/ipv4/ip_forward");	/* as mostly, where any is */
	int err = finding.starved ? -ENOMEM : 0;

	if (!err && !all)
		err = forwarding_find(names, sizeof(names));
	return err ? err : all || *names;
}

bool forwarding_of_bridges(void)
{
	char names[FORWARDING_TEXT] = "";

	find_bridges(&(struct finding){ .names = names, .size = sizeof(names) });
	return *names;
}

/* --- news --------------------------------------------------------------- */

int forwarding_listen(struct netlink *netlink)
{
	static const unsigned int groups[] = { RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF };

	return netlink_listen(netlink, NETLINK_ROUTE, groups, sizeof(groups) / sizeof(groups[0]));
}
