/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text that others wrote: comments of rules, names of chains, sets and interfaces. The
 * kernel takes almost any bytes, and a terminal obeys some of them: a newline would begin
 * a line that we never wrote. Whoever prints such text, prints it through this file.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Control bytes, and what is no UTF-8, become question marks. */
void text_make_plain(char *text);

/*
 * As iptables-save prints a string: as it is where it is one plain word, and otherwise in
 * quotes, with a backslash ahead of quotes and backslashes. Control bytes become \x0a and
 * the like. At most @size bytes of @text.
 */
void text_print_string(const char *text, size_t size, FILE *out);
/* The same, in quotes whatever it is. */
void text_print_quoted(const char *text, size_t size, FILE *out);
/* A name, which iptables-save prints as it is: in quotes only where it would be two words. */
void text_print_name(const char *name, FILE *out);

/* What text_print_name() prints, as far as it fits @room, which is not 0. */
const char *text_format_name(char *text, size_t room, const char *name);

#endif
