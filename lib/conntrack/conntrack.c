/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/attribute.h"
#include "conntrack/conntrack.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>

/* Removals under way: their answers must fit the socket's queue. */
#define PENDING_MAX 64
/* What names an entry takes about 100 bytes. */
#define REQUEST_MAX 512
/* What is said of a connection of TCP: two nests, and two attributes of two bytes. */
#define TCP_MAX 24

/* --- messages --------------------------------------------------------- */

static int explain(int err, const char *what, struct error *error)
{
	/* nfnetlink_rcv_msg() says EINVAL of a subsystem that is not there */
	if (err == -EINVAL || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT)
		return error_set(error, -EPROTONOSUPPORT, "%s: the kernel has none, or no netlink to it; "
				 "load module nf_conntrack_netlink, or build it with CONFIG_NF_CT_NETLINK",
				 what);
	return netlink_explain(err, what, error);
}

static int explain_read(int err, struct error *error)
{
	return explain(err, "the connection tracking table cannot be read", error);
}

/* It was there to be read: what is refused now is refused for another reason. */
static int explain_edit(int err, struct error *error)
{
	return explain(err == -EINVAL || err == -EOPNOTSUPP ? -EIO : err,
		       "the connection tracking table cannot be changed", error);
}

int conntrack_open(struct conntrack *conntrack, struct error *error)
{
	int err = netlink_open(&conntrack->netlink, NETLINK_NETFILTER);

	return err ? explain_read(err, error) : 0;
}

void conntrack_close(struct conntrack *conntrack)
{
	netlink_close(&conntrack->netlink);
}

static int ask(struct conntrack *conntrack, int type, uint16_t flags, netlink_take *take,
	       void *data)
{
	struct {
		struct nlmsghdr message;
		struct nfgenmsg header;
	} request;

	netlink_message(&request, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, AF_UNSPEC);
	return netlink_ask(&conntrack->netlink, &request.message, take, data);
}

/* --- entries ---------------------------------------------------------- */

struct dump {
	enum conntrack_part part;
	int (*visit)(const struct tracked *entry, void *data);
	void *data;
	int result;		/* of the visitor: what looks like an errno is none of the kernel */
};

static int take_entry(const struct nlmsghdr *message, void *data)
{
	struct dump *dump = data;
	struct tracked entry;

	if (!tracked_read(&entry, message, dump->part))
		return 0;
	dump->result = dump->visit(&entry, dump->data);
	return dump->result ? 1 : 0;
}

int conntrack_dump(struct conntrack *conntrack, enum conntrack_part part,
		   int (*visit)(const struct tracked *entry, void *data), void *data,
		   struct error *error)
{
	struct dump dump = { part, visit, data, 0 };
	int err = ask(conntrack, IPCTNL_MSG_CT_GET, NLM_F_DUMP, take_entry, &dump);

	/* interrupted: entries came and went, as they do */
	return err < 0 && err != -EINTR ? explain_read(err, error) : dump.result;
}

/* --- totals ----------------------------------------------------------- */

static int take_global(const struct nlmsghdr *message, void *data)
{
	struct conntrack_totals *totals = data;
	const struct nlattr *attr;

	each_attribute(attr, attributes(message), message_end(message)) {
		switch (type_of(attr)) {
		case CTA_STATS_GLOBAL_ENTRIES:
			totals->count = number_in(attr);
			break;
		case CTA_STATS_GLOBAL_MAX_ENTRIES:
			totals->max = number_in(attr);
			break;
		}
	}
	return 0;
}

static int take_processor(const struct nlmsghdr *message, void *data)
{
	struct conntrack_totals *totals = data;
	const struct nlattr *attr;

	each_attribute(attr, attributes(message), message_end(message)) {
		uint64_t *sum = NULL;

		switch (type_of(attr)) {
		case CTA_STATS_INVALID:
			sum = &totals->invalid;
			break;
		case CTA_STATS_INSERT_FAILED:
			sum = &totals->insert_failed;
			break;
		case CTA_STATS_DROP:
			sum = &totals->dropped;
			break;
		case CTA_STATS_EARLY_DROP:
			sum = &totals->early_dropped;
			break;
		}
		if (sum)
			*sum += number_in(attr);
	}
	return 0;
}

/* Kernels before 4.18 do not say it over netlink. */
static uint64_t read_most(void)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_max", "re");
	uint64_t max = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &max) != 1)
		max = 0;
	fclose(file);
	return max;
}

int conntrack_read_totals(struct conntrack *conntrack, struct conntrack_totals *totals,
			  struct error *error)
{
	int err;

	*totals = (struct conntrack_totals){ 0 };
	err = ask(conntrack, IPCTNL_MSG_CT_GET_STATS, 0, take_global, totals);
	if (!err)
		err = ask(conntrack, IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, take_processor, totals);
	if (err && err != -EINTR)
		return explain_read(err, error);
	if (!totals->max)
		totals->max = read_most();
	return 0;
}

/* --- edits ------------------------------------------------------------- */

int conntrack_begin_edit(struct conntrack_edit *edit, struct conntrack *conntrack)
{
	*edit = (struct conntrack_edit){ .conntrack = conntrack };
	edit->requests = malloc(PENDING_MAX * REQUEST_MAX);
	return edit->requests ? 0 : -ENOMEM;
}

/* -ENOENT: it went by itself, or the one there now has another ID. */
static int take_answer(const struct nlmsghdr *message, void *data)
{
	struct conntrack_edit *edit = data;
	int status = message->nlmsg_type == NLMSG_ERROR ? netlink_status(message) : -ENOENT;

	edit->done += status == 0;
	return status == -ENOENT ? 0 : status;
}

static int hand_over(struct conntrack_edit *edit)
{
	int err = !edit->pending ? 0 :
		  netlink_talk(&edit->conntrack->netlink, edit->requests, edit->size,
			       edit->pending, take_answer, edit);

	edit->pending = 0;
	edit->size = 0;
	return err;
}

static void put_copy(struct nlmsghdr *message, const struct nlattr *attr)
{
	if (attr)
		mnl_attr_put(message, attr->nla_type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

static size_t size_of(const struct nlattr *attr)
{
	return attr ? MNL_ALIGN(attr->nla_len) : 0;
}

/* A message about an entry: its beginning, up to what names it. */
static struct nlmsghdr *begin_request(struct conntrack_edit *edit, const struct tracked *entry,
				      int type)
{
	struct nlmsghdr *message = netlink_message(edit->requests + edit->size,
						   NFNL_SUBSYS_CTNETLINK << 8 | type, NLM_F_ACK,
						   entry->family == IPV6 ? AF_INET6 : AF_INET);

	message->nlmsg_seq = netlink_next(&edit->conntrack->netlink);
	put_copy(message, entry->tuple);
	put_copy(message, entry->zone);
	return message;
}

/* With room for what is said of it. */
static bool fits(const struct tracked *entry)
{
	return MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg)) + size_of(entry->tuple) +
	       size_of(entry->zone) + size_of(entry->id) + TCP_MAX <= REQUEST_MAX;
}

static int end_request(struct conntrack_edit *edit, const struct nlmsghdr *message,
		       struct error *error)
{
	int err;

	edit->size += MNL_ALIGN(message->nlmsg_len);
	if (++edit->pending < PENDING_MAX)
		return 0;
	err = hand_over(edit);
	return err ? explain_edit(err, error) : 0;
}

int conntrack_remove(struct conntrack_edit *edit, const struct tracked *entry,
		     struct error *error)
{
	struct nlmsghdr *message;

	if (!fits(entry))
		return explain_edit(-EMSGSIZE, error);
	message = begin_request(edit, entry, IPCTNL_MSG_CT_DELETE);
	put_copy(message, entry->id);
	return end_request(edit, message, error);
}

int conntrack_loosen(struct conntrack_edit *edit, const struct tracked *entry,
		     struct error *error)
{
	static const struct nf_ct_tcp_flags liberal = { IP_CT_TCP_FLAG_BE_LIBERAL,
							IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info, *tcp;
	struct nlmsghdr *message;

	if (!fits(entry))
		return explain_edit(-EMSGSIZE, error);
	message = begin_request(edit, entry, IPCTNL_MSG_CT_NEW);
	info = mnl_attr_nest_start(message, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
	mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
	mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
	mnl_attr_nest_end(message, tcp);
	mnl_attr_nest_end(message, info);
	return end_request(edit, message, error);
}

int conntrack_end_edit(struct conntrack_edit *edit, int err, struct error *error)
{
	int last = err ? 0 : hand_over(edit);

	free(edit->requests);
	edit->requests = NULL;
	return last ? explain_edit(last, error) : err;
}

int conntrack_edit_each(struct conntrack_edit *edit,
			int (*visit)(const struct tracked *entry, void *data), void *data,
			struct error *error)
{
	struct conntrack reading = { 0 }, writing = { 0 };
	int err = conntrack_open(&reading, error);

	if (!err)
		err = conntrack_open(&writing, error);
	if (!err && conntrack_begin_edit(edit, &writing))
		err = error_set(error, -ENOMEM, "out of memory");
	if (!err)
		err = conntrack_dump(&reading, CONNTRACK_WHOLE, visit, data, error);
	err = conntrack_end_edit(edit, err, error);
	conntrack_close(&reading);
	conntrack_close(&writing);
	return err;
}
