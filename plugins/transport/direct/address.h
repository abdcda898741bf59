/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses as text and as the kernel wants them. */
#pragma once

#include <cepa/types.h>
#include <sys/socket.h>

G_BEGIN_DECLS

/* "192.0.2.1:443", "[2001:db8::1]:443" */
#define CEPA_ADDRESS_TEXT_LEN 56
void cepa_direct_address_format (const CepaAddress *self, char out[CEPA_ADDRESS_TEXT_LEN]);

/* An IP address without a port: @out gets port 0. IPv6 may be in brackets. FALSE when it is none. */
gboolean cepa_direct_address_parse (const char *text, CepaAddress *out);

/**
 * cepa_direct_endpoint_split:
 * @text: "HOST", "HOST:PORT", "[IPV6]", "[IPV6]:PORT", "IPV6"
 *
 * Returns: (transfer full) (nullable): the host, without brackets; NULL when @text is none of them, or the port is
 * not 1 to 65535.
 */
char *cepa_direct_endpoint_split (const char *text, guint16 default_port, guint16 *port);

gboolean cepa_direct_address_is_loopback (const CepaAddress *self);

/* Returns: the bytes of @out that are used. */
socklen_t cepa_direct_address_to_native (const CepaAddress *self, struct sockaddr_storage *out);

G_END_DECLS
