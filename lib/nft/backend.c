/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/change.h"
#include "nft/check.h"
#include "nft/events.h"
#include "nft/view.h"

const struct backend nft_backend = {
	.name = "nft",
	.tables = "nftables",
	.world = WORLD_NFT,
	.probe = nft_probe,
	.filters = nft_filters,
	.view = nft_view,
	.read = nft_image_read,
	.release = nft_image_release,
	.is_used = nft_image_is_used,
	.untracks = nft_image_untracks,
	.is_local_only = nft_image_is_local_only,
	.raise = nft_image_raise,
	.has_client = nft_image_has_client,
	.count = nft_image_count,
	.begin = nft_change_begin,
	.diff = nft_change_diff,
	.commit = nft_change_commit,
	.rollback = nft_change_rollback,
	.end = nft_change_end,
	.print = nft_print_wanted,
	.print_beside = nft_print_beside,
	.buckets = nft_buckets,
	.check = nft_check,
	.listen = nft_listen,
	.hear = nft_hear,
	.sign = nft_sign,
};
