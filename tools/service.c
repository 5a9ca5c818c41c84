/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* add, del, clear */
#include <errno.h>

#include "notrackctl.h"

static int add_service(struct notrack *nt, const struct options *options)
{
	return notrack_add_service(nt, &options->service);
}

/* Bad words are bad words, lock and privilege or not. */
static int check_service(const struct options *options)
{
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = add_service(nt, options);
	if (err)
		code = complain_notrack(nt, err);
	notrack_free(nt);
	return code;
}

static int run_add(struct options *options)
{
	int code;

	options->service.name = options->words[0];
	code = check_service(options);
	return code ? code : change_model(options, add_service);
}

const struct command command_add = {
	.name = "add",
	.usage = "SERVICE [--ports L] [--proto udp,tcp] [--role inbound|outbound|both] ...",
	.help = "Add one service, or change it to just what is said here; the others stay.\n"
		"Built-in: dns dns-auth dot doq syslog syslog-tls ntp http https quic radius\n"
		"snmp-trap; any other name needs ports.\n\n"
		"  --ports L              53 or 80,443,8000:8080\n"
		"  --proto L              udp, tcp, sctp, udplite\n"
		"  --role R               inbound (this host serves), outbound (it asks), both\n"
		"  --local PREFIXES       this host's addresses\n"
		"  --remote PREFIXES      the servers it asks\n"
		"  --interface I[,I...]   by these interfaces only\n"
		"  --reply-ports A:B      what outbound UDP asks from (1024:65535)\n"
		"  --classic              the plain rules, which let replies reach any port\n"
		"  --no-icmp-errors       do not accept ICMP errors about untracked flows\n"
		"  --flush-tracked        and delete the entries that its flows have so far\n",
	.options = " ports proto role local remote interface reply-ports classic no-icmp-errors"
		   " flush-tracked ",
	.words_least = 1,
	.words_most = 1,
	.run = run_add,
};

static int del_service(struct notrack *nt, const struct options *options)
{
	int err = notrack_remove_service(nt, options->words[0]);

	return err == -ENOENT ? 0 : err;
}

static int run_del(struct options *options)
{
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = del_service(nt, options);		/* from nothing: judges the name */
	if (err)
		code = complain_notrack(nt, err);
	notrack_free(nt);
	return code ? code : change_model(options, del_service);
}

const struct command command_del = {
	.name = "del",
	.usage = "SERVICE",
	.help = "Remove a service, and its limits.\n",
	.words_least = 1,
	.words_most = 1,
	.run = run_del,
};

static int run_clear(struct options *options)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_clear(nt, &changes);
	code = err < 0 ? complain_notrack(nt, err) : tell_changes(options, nt, &changes);
	notrack_free(nt);
	return code;
}

const struct command command_clear = {
	.name = "clear",
	.usage = "",
	.help = "Remove every rule of ours; rules of others stay as they are.\n",
	.run = run_clear,
};
