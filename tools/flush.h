/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FLUSH_H
#define FLUSH_H

#include "notrackctl.h"

void tell_flushed(const struct notrack_flushed *flushed);

#endif
