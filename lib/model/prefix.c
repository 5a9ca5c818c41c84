/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/prefix.h"

static const struct {
	int af;
	uint8_t bits;
	const char *name;
} families[FAMILIES] = {
	[IPV4] = { AF_INET, 32, "IPv4" },
	[IPV6] = { AF_INET6, 128, "IPv6" },
};

const char *const family_words[] = { [IPV4] = "ipv4", [IPV6] = "ipv6", NULL };

unsigned int family_bits(enum family family)
{
	return families[family].bits;
}

const char *family_name(enum family family)
{
	return families[family].name;
}

static void clear_host_bits(uint8_t address[16], unsigned int length)
{
	if (length % 8)
		address[length / 8] &= (uint8_t)(0xff00u >> (length % 8));
	length = (length + 7) / 8;
	memset(address + length, 0, 16 - length);
}

static int parse_length(const char *digits, unsigned int max)
{
	char *end;
	unsigned long length;

	if (*digits < '0' || *digits > '9')
		return -1;
	errno = 0;
	length = strtoul(digits, &end, 10);
	return *end || errno || length > max ? -1 : (int)length;
}

int prefix_parse(struct prefix *prefix, const char *word, struct error *error)
{
	char address[INET6_ADDRSTRLEN], meant[PREFIX_TEXT];
	const char *slash = strchr(word, '/');
	size_t size = slash ? (size_t)(slash - word) : strlen(word);
	struct prefix network;
	int length;

	memset(prefix, 0, sizeof(*prefix));
	prefix->family = memchr(word, ':', size) ? IPV6 : IPV4;
	if (size >= sizeof(address))
		return error_set(error, -EINVAL, "%.80s: not an address or prefix", word);
	memcpy(address, word, size);
	address[size] = '\0';
	if (inet_pton(families[prefix->family].af, address, prefix->address) != 1)
		return error_set(error, -EINVAL, "%s: not an IPv4 or IPv6 address or prefix", word);

	length = (int)families[prefix->family].bits;
	if (slash)
		length = parse_length(slash + 1, families[prefix->family].bits);
	if (length < 0)
		return error_set(error, -EINVAL, "%.80s: prefix length must be 0 to %u",
			    word, families[prefix->family].bits);
	prefix->length = (uint8_t)length;

	network = *prefix;
	clear_host_bits(network.address, network.length);
	if (memcmp(network.address, prefix->address, sizeof(network.address)))
		return error_set(error, -EINVAL, "%s: host bits are set; the network is %s", word,
			    prefix_format(&network, false, meant));
	return 0;
}

const char *prefix_format(const struct prefix *prefix, bool brief, char text[PREFIX_TEXT])
{
	size_t used;

	inet_ntop(families[prefix->family].af, prefix->address, text, INET6_ADDRSTRLEN);
	if (brief && prefix->length == families[prefix->family].bits)
		return text;
	used = strlen(text);
	snprintf(text + used, PREFIX_TEXT - used, "/%u", prefix->length);
	return text;
}

size_t prefixes_count(const struct prefix *list, size_t count, enum family family)
{
	size_t of_family = 0;

	for (size_t i = 0; i < count; i++)
		of_family += list[i].family == family;
	return of_family;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return (int)a->family - b->family;
	for (size_t i = 0; i < sizeof(a->address); i += sizeof(uint64_t)) {
		uint64_t one, other;

		memcpy(&one, a->address + i, sizeof(one));
		memcpy(&other, b->address + i, sizeof(other));
		if (one != other)
			return be64toh(one) < be64toh(other) ? -1 : 1;
	}
	return (int)a->length - b->length;
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	struct prefix network = *inner;

	if (outer->family != inner->family || outer->length > inner->length)
		return false;
	clear_host_bits(network.address, outer->length);
	return !memcmp(network.address, outer->address, sizeof(network.address));
}

struct prefix prefix_common(const struct prefix *a, const struct prefix *b)
{
	struct prefix common = *a;
	unsigned int max = a->length < b->length ? a->length : b->length;
	unsigned int length = 0;

	while (length < max) {
		unsigned int differ = a->address[length / 8] ^ b->address[length / 8];

		if (differ) {
			length += (unsigned int)__builtin_clz(differ) - 24;
			break;
		}
		length += 8;
	}
	common.length = (uint8_t)(length < max ? length : max);
	clear_host_bits(common.address, common.length);
	return common;
}

unsigned int prefix_bits(const struct prefix *prefix, unsigned int first, unsigned int count)
{
	unsigned int byte = first / 8;
	unsigned int pair = prefix->address[byte] << 8;

	if (byte + 1 < sizeof(prefix->address))
		pair |= prefix->address[byte + 1];
	return pair >> (16 - first % 8 - count) & ((1u << count) - 1);
}
