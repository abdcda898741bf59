/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of SocksPort and ControlPort. */
#pragma once

#include <glib.h>

#include "config/config.h"

G_BEGIN_DECLS

void cepa_listen_config_free (CepaListenConfig *self);

/**
 * cepa_listen_parse_socks:
 * @option: the option's name
 * @value: [ADDRESS:]PORT|auto|0 and flags
 * @listeners: (element-type CepaListenConfig): gets one more, none for 0
 * @warnings: (element-type utf8): gets a sentence when others than this machine can connect
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG that says what is wrong with @value.
 */
gboolean cepa_listen_parse_socks (const char *option, const char *value, GPtrArray *listeners,
                                  GPtrArray *warnings, GError **error);

/* The same of ControlPort, where unix:PATH is known too, and adds no listener. @is_wanted: (out): whether it is not 0 */
gboolean cepa_listen_parse_control (const char *option, const char *value, GPtrArray *listeners,
                                    gboolean *is_wanted, GError **error);

G_END_DECLS
