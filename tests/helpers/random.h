/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services, limits and clients by chance, in the words of the public header,
 * and all of them valid. The same seed gives the same ones: a test that failed
 * fails again. $NOTRACK_TEST_SEED is for looking further.
 */
#ifndef NOTRACK_TESTS_RANDOM_H
#define NOTRACK_TESTS_RANDOM_H

#include <notrack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every test begins with it. */
void random_begin(void);
/* What follows depends on the seed alone. */
void random_begin_at(uint64_t seed);

uint64_t random_number(void);
/* 0 to bound - 1 */
unsigned int random_below(unsigned int bound);
/* from least to most, both included */
unsigned int random_from(unsigned int least, unsigned int most);
bool random_chance(unsigned int percent);

struct random_service {
	struct notrack_service words;	/* points to what follows */
	char name[17];
	char ports[512];
	char protocols[32];
	char roles[32];
	char local[512];
	char remote[512];
	char interfaces[128];
	char reply_ports[16];
};

/* @families: NOTRACK_IPV4, NOTRACK_IPV6 or both; it has flows in each of them */
void random_service(struct random_service *service, unsigned int families);

struct random_limit {
	struct hashlimit words;
	char above[32];
};

void random_limit(struct random_limit *limit);

/* A client, in a space so narrow that clients often cover each other. */
#define RANDOM_PREFIX 64
void random_client(char text[RANDOM_PREFIX], unsigned int family);

/* Up to @services services, with up to @clients clients each, put into the model. */
void random_model(struct notrack *nt, unsigned int services, unsigned int clients);

#endif
