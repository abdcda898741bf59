/* SPDX-License-Identifier: BSD-3-Clause */
/* Text as the control protocol writes it. What comes from elsewhere never ends a line of ours. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Longest piece of a controller's own words that an answer repeats, bytes. */
#define CEPA_TOR_MAX_ECHO 512

/* Returns: (transfer full): @text in one line: UTF-8, control characters as spaces, cut to CEPA_TOR_MAX_ECHO. */
char *cepa_tor_text_echo (const char *text);

/* Adds @text as it is but for control characters, which become spaces; those at the end are left out. */
void cepa_tor_text_append_line (GString *out, const char *text);

/* Adds @text as one word: what is no visible character of ASCII becomes '?'. */
void cepa_tor_text_append_word (GString *out, const char *text);

/* Adds @text in double quotes, escaped as in C: \" \' \\ \n \r \t and octal (control-spec: CString). */
void cepa_tor_text_append_quoted (GString *out, const char *text);

/* Adds @text as lines that end in CRLF, dots at their beginnings doubled, and the line with the dot alone
   (control-spec: CmdData). */
void cepa_tor_text_append_data (GString *out, const char *text);

/* Adds "2026-01-31T12:00:00.123456"; @time_us: microseconds since 1970. Nothing when that is no date. */
void cepa_tor_text_append_time_us (GString *out, gint64 time_us);

/* Returns: (transfer full): @time_s, seconds since 1970, as @format of g_date_time_format() says, in UTC; "" when that
   is no date. */
char *cepa_tor_text_time (gint64 time_s, const char *format);

/* Returns: whether @text is @len hex digits, of either case. */
gboolean cepa_tor_text_is_hex (const char *text, gsize len);

/**
 * cepa_tor_text_unhex:
 * @text: hex digits, an even number
 *
 * Returns: (transfer full) (nullable): strlen (@text) / 2 bytes and a zero behind them; NULL when it is no hex.
 */
guint8 *cepa_tor_text_unhex (const char *text, gsize *len);

/* Adds @len bytes of @bytes in hex, upper case. */
void cepa_tor_text_append_hex (GString *out, const guint8 *bytes, gsize len);

G_END_DECLS
