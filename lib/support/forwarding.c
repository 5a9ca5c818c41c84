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
#include <limits.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* /proc/sys/net is that of the calling thread's namespace. */
#define SETTINGS "/proc/sys/net"

struct finding {
	char *names;
	size_t size;
};

static void add_name(const struct finding *finding, const char *name)
{
	size_t used = strlen(finding->names);

	if (used + strlen(", ") + strlen(name) < finding->size)
		sprintf(finding->names + used, "%s%s", used ? ", " : "", name);
}

/* A kernel without it, or without the protocol, has it off; what cannot be read may be on. */
static bool is_on(const char *path)
{
	FILE *file = fopen(path, "re");
	int first;

	if (!file)
		return errno != ENOENT;
	first = fgetc(file);
	fclose(file);
	return first != EOF && first != '0';
}

static bool is_on_for(const char *version, const char *interface, const char *what)
{
	char path[sizeof(SETTINGS "/ipv6/conf//force_forwarding") + NAME_MAX];

	snprintf(path, sizeof(path), SETTINGS "/%s/conf/%s/%s", version, interface, what);
	return is_on(path);
}

/* What all have, the single ones have, too. */
static void find_in(const struct finding *finding, const char *version, const char *what)
{
	char name[sizeof("net.ipv6.conf..force_forwarding") + NAME_MAX];
	const bool all = is_on_for(version, "all", what);
	const struct dirent *entry;
	DIR *interfaces;

	if (all) {
		snprintf(name, sizeof(name), "net.%s.conf.all.%s", version, what);
		add_name(finding, strcmp(version, "ipv4") ? name : "net.ipv4.ip_forward");
		return;
	}
	snprintf(name, sizeof(name), SETTINGS "/%s/conf", version);
	interfaces = opendir(name);
	if (!interfaces && errno != ENOENT)
		add_name(finding, FORWARDING_UNKNOWN);
	while (interfaces && (entry = readdir(interfaces))) {
		if (*entry->d_name == '.' || !strcmp(entry->d_name, "lo") ||
		    !is_on_for(version, entry->d_name, what))
			continue;
		snprintf(name, sizeof(name), "net.%s.conf.%s.%s", version, entry->d_name, what);
		add_name(finding, name);
	}
	if (interfaces)
		closedir(interfaces);
}

/*
 * The switches for bridges are on as soon as their module is there; so is there a bridge?
 * In the thread's namespace (linux/if_bridge.h).
 */
static bool has_bridge(void)
{
	int index, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned long question[] = { BRCTL_GET_BRIDGES, (unsigned long)&index, 1 };
	bool found = fd >= 0 && ioctl(fd, SIOCGIFBR, question) > 0;

	if (fd >= 0)
		close(fd);
	return found;
}

void forwarding_find(char *names, size_t size)
{
	static const char *const of_bridges[] = { "iptables", "ip6tables" };
	const struct finding finding = { names, size };
	char path[100];

	*names = '\0';
	if (access(SETTINGS "/ipv4/ip_forward", R_OK)) {
		add_name(&finding, FORWARDING_UNKNOWN);
		return;
	}
	find_in(&finding, "ipv4", "forwarding");
	find_in(&finding, "ipv6", "forwarding");
	find_in(&finding, "ipv6", "force_forwarding");
	for (size_t i = 0; i < sizeof(of_bridges) / sizeof(of_bridges[0]); i++) {
		snprintf(path, sizeof(path), SETTINGS "/bridge/bridge-nf-call-%s", of_bridges[i]);
		if (!is_on(path) || !has_bridge())
			continue;
		snprintf(path, sizeof(path), "net.bridge.bridge-nf-call-%s", of_bridges[i]);
		add_name(&finding, path);
	}
}

bool forwarding_is_on(void)
{
	char names[FORWARDING_TEXT];

	if (is_on(SETTINGS "/ipv4/ip_forward"))		/* as mostly, where any is */
		return true;
	forwarding_find(names, sizeof(names));
	return *names;
}

/* --- news --------------------------------------------------------------- */

int forwarding_listen(struct netlink *netlink)
{
	int err = netlink_open(netlink, NETLINK_ROUTE);

	if (!err)
		err = netlink_join(netlink, RTNLGRP_IPV4_NETCONF);
	if (!err)
		err = netlink_join(netlink, RTNLGRP_IPV6_NETCONF);
	if (err)
		netlink_close(netlink);
	return err;
}

static int note(const struct nlmsghdr *message, void *data)
{
	(void)message;
	*(bool *)data = true;
	return 0;
}

bool forwarding_heard(struct netlink *netlink)
{
	bool heard = false;

	if (netlink->fd < 0)
		return false;
	while (netlink_receive(netlink, note, &heard) == -ENOBUFS)
		heard = true;
	return heard;
}
