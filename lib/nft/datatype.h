/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The numbers that nft(8) gives to types of data; the kernel keeps them for it (nft's datatype.h). */
#ifndef LIB_NFT_DATATYPE_H
#define LIB_NFT_DATATYPE_H

enum nft_datatype {
	NFT_TYPE_IPV4_ADDR = 7,
	NFT_TYPE_IPV6_ADDR = 8,
	NFT_TYPE_INET_SERVICE = 13,
	NFT_TYPE_ICMP_TYPE = 14,
	NFT_TYPE_ICMPV6_TYPE = 29,
};

#endif
