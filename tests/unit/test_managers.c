/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines for ufw and firewalld let in what a service is for, and nothing else. */
#include "../../lib/managers.h"

#include <string.h>

#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CMD "firewall-cmd --permanent --add-"
#define RELOAD "; firewall-cmd --reload"
#define SIXTEEN "2,4,6,8,10,12,14,16,18,20,22,24,26,28,30"

static const struct told {
	struct notrack_service words;
	unsigned int families;
	const char *firewalld, *ufw;
} told[] = {
	{ { .name = "dns", .roles = "inbound" }, NOTRACK_ANY, CMD "service=dns" RELOAD,
	  "ufw allow in proto udp to any port 53; ufw allow in proto tcp to any port 53" },
	/* of one family alone */
	{ { .name = "doq" }, NOTRACK_IPV4,
	  CMD "rich-rule='rule family=ipv4 port port=853 protocol=udp accept'" RELOAD,
	  "ufw allow in proto udp from 0.0.0.0/0 to any port 853" },
	/* who may ask, and where */
	{ { .name = "dns", .roles = "inbound", .from = "192.0.2.0/24, 2001:db8::/32" }, NOTRACK_ANY,
	  CMD "rich-rule='rule family=ipv4 source address=192.0.2.0/24 service name=dns accept'; "
	  CMD "rich-rule='rule family=ipv6 source address=2001:db8::/32 service name=dns accept'" RELOAD,
	  "ufw allow in proto udp from 192.0.2.0/24 to any port 53; "
	  "ufw allow in proto udp from 2001:db8::/32 to any port 53; "
	  "ufw allow in proto tcp from 192.0.2.0/24 to any port 53; "
	  "ufw allow in proto tcp from 2001:db8::/32 to any port 53" },
	{ { .name = "doq", .from = "192.0.2.0/24, 2001:db8::/32", .local = "2001:db8::1" }, NOTRACK_ANY,
	  CMD "rich-rule='rule family=ipv6 source address=2001:db8::/32 destination address=2001:db8::1 "
	  "port port=853 protocol=udp accept'" RELOAD,
	  "ufw allow in proto udp from 2001:db8::/32 to 2001:db8::1 port 853" },
	{ { .name = "doq", .local = "192.0.2.1", .interfaces = "eth0, vlan+" }, NOTRACK_ANY,
	  CMD "rich-rule='rule family=ipv4 destination address=192.0.2.1 port port=853 protocol=udp "
	  "accept'; of doq, say --zone= of its interfaces" RELOAD,
	  "ufw allow in on eth0 proto udp to 192.0.2.1 port 853; "
	  "ufw allow in on vlan+ proto udp to 192.0.2.1 port 853" },
	/* who is asked, and from where */
	{ { .name = "dns", .protocols = "udp", .roles = "outbound", .remote = "192.0.2.2",
	    .local = "192.0.2.1" }, NOTRACK_ANY,
	  CMD "rich-rule='rule family=ipv4 source address=192.0.2.2 destination address=192.0.2.1 "
	  "source-port port=53 protocol=udp accept'" RELOAD,
	  "ufw allow in proto udp from 192.0.2.2 port 53 to 192.0.2.1" },
	{ { .name = "dns", .roles = "outbound" }, NOTRACK_ANY,
	  "of dns, name the servers asked as remote, for a line each",
	  "of dns, name the servers asked as remote, for a line each" },
	/* what a manager does not have */
	{ { .name = "many", .ports = SIXTEEN ",32", .protocols = "udp" }, NOTRACK_ANY, NULL,
	  "ufw allow in proto udp to any port " SIXTEEN "; ufw allow in proto udp to any port 32" },
	{ { .name = "many", .ports = "2,4,6,8,10,12,14,16,18,20,22,24,26,28,30:40", .protocols = "udp" },
	  NOTRACK_ANY, NULL,
	  "ufw allow in proto udp to any port 2,4,6,8,10,12,14,16,18,20,22,24,26,28; "
	  "ufw allow in proto udp to any port 30:40" },
	{ { .name = "x", .ports = "7000:7010", .protocols = "udp, sctp, udplite" }, NOTRACK_ANY,
	  CMD "port=7000-7010/udp; " CMD "port=7000-7010/sctp; of x, firewalld has no ports of udplite" RELOAD,
	  "ufw allow in proto udp to any port 7000:7010; of x, ufw has no ports of sctp; "
	  "of x, ufw has no ports of udplite" },
};

static void put(struct model *model, const struct notrack_service *words, unsigned int scope)
{
	struct service *service;
	struct error error;

	expect(!service_parse(&service, words, &scope, &error), "%s: %s", words->name, error.text);
	ck_assert_int_eq(model_put_service(model, service, scope, scope), 0);
	service_unref(service);
}

START_TEST(lines_say_what_a_service_says)
{
	char text[MANAGER_LINES];
	struct model model = { 0 };

	put(&model, &told[_i].words, told[_i].families);
	ck_assert(managers_ufw_lines(&model, text));
	ck_assert_str_eq(text, told[_i].ufw);
	ck_assert(managers_firewalld_lines(&model, text));
	if (told[_i].firewalld)
		ck_assert_str_eq(text, told[_i].firewalld);
	model_free(&model);
}
END_TEST

/* Of two families with a service of one name each, both are said. */
START_TEST(both_families_have_their_own)
{
	struct model model = { 0 };
	char text[MANAGER_LINES];

	put(&model, &(struct notrack_service){ .name = "doq", .from = "192.0.2.7" }, NOTRACK_IPV4);
	put(&model, &(struct notrack_service){ .name = "doq", .from = "2001:db8::7" }, NOTRACK_IPV6);
	ck_assert(managers_ufw_lines(&model, text));
	ck_assert_str_eq(text, "ufw allow in proto udp from 192.0.2.7 to any port 853; "
			 "ufw allow in proto udp from 2001:db8::7 to any port 853");
	model_free(&model);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, lines_say_what_a_service_says, 0, COUNT(told));
	tcase_add_test(tcase, both_families_have_their_own);
}

int main(void)
{
	return unit_main("managers", tests);
}
