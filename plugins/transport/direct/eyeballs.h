/* SPDX-License-Identifier: BSD-3-Clause */
/* Happy eyeballs (RFC 8305): several addresses of one relay, the first to connect is it. */
#pragma once

#include <cepa/host.h>

#include "config.h"

G_BEGIN_DECLS

/* From the beginning of one connection to that of the next: RFC 8305, section 8. */
#define CEPA_EYEBALLS_DELAY_US (250 * 1000)

/* No relay has so many. */
#define CEPA_EYEBALLS_MAX_ADDRESSES 8

typedef struct _CepaEyeballs CepaEyeballs;

/* @fd: (transfer full), @address: (nullable) (transfer none): the winner's; -1 with @error (transfer full). It is to be
   freed then, which may be done in this call. */
typedef void (*CepaEyeballsFunc) (gpointer user_data, int fd, const CepaAddress *address, GError *error);

/**
 * cepa_eyeballs_new:
 * @addresses: (array length=n): 1 to CEPA_EYEBALLS_MAX_ADDRESSES, in the order of preference; families are taken in turn
 *
 * Directly, the next address is tried when 250 ms have passed or the one before it has failed; through a proxy only
 * when it has failed: there it is the proxy that connects.
 */
CepaEyeballs *cepa_eyeballs_new (const CepaHost *host, const CepaDirectConfig *config, const CepaAddress *addresses,
                                 guint n, CepaEyeballsFunc func, gpointer user_data);

/* Begins; @func may be called before this returns. */
void cepa_eyeballs_start (CepaEyeballs *self);

/* Closes what has not won. */
void cepa_eyeballs_free (CepaEyeballs *self);

G_END_DECLS
