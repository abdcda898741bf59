/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits, streams, channels and relays of the vocabulary as lines of the control protocol. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Values of a dictionary; @fallback where it has none of the type. Strings are valid as long as the dictionary. */
const char *cepa_tor_dict_text (GVariant *dict, const char *key, const char *fallback);
guint64 cepa_tor_dict_number (GVariant *dict, const char *key);

/* Adds "7 BUILT $FP~nick,$FP~nick BUILD_FLAGS=... PURPOSE=GENERAL TIME_CREATED=..." (control-spec: CIRC). @event: one
   of the vocabulary. Adds nothing when it is another one. */
void cepa_tor_describe_circuit (GString *out, guint64 id, const char *event, GVariant *circuit);

/* Adds "7 PURPOSE_CHANGED $FP~nick ... PURPOSE=... OLD_PURPOSE=..." (control-spec: CIRC_MINOR). Adds nothing when @event is
   another one. */
void cepa_tor_describe_minor (GString *out, guint64 id, const char *event, GVariant *circuit);

/* Adds "7 CANNIBALIZED $FP~nick ... PURPOSE=... OLD_PURPOSE=HS_VANGUARDS OLD_TIME_CREATED=..." (control-spec: CIRC_MINOR)
   for a circuit that was kept ready for onion services and has been taken. Adds nothing for anything else. */
void cepa_tor_describe_taken (GString *out, guint64 id, const char *event, GVariant *circuit);

/* Adds "COMPUTED TOTAL_TIMES=100 TIMEOUT_MS=1500 ..." (control-spec: BUILDTIMEOUT_SET). @cause: of the vocabulary */
void cepa_tor_describe_build_timeout (GString *out, const char *cause, GVariant *figures);

/* Adds "7 SUCCEEDED 3 host:80" and what the event has beside (control-spec: STREAM). */
void cepa_tor_describe_stream (GString *out, guint64 id, const char *event, GVariant *stream);

/* Adds "$FP~nick CONNECTED ID=7" (control-spec: ORCONN). */
void cepa_tor_describe_channel (GString *out, guint64 id, const char *event, GVariant *channel);

/* Adds "ENTRY $FP~nick UP" (control-spec: GUARD). @event: one of the vocabulary; nothing for another one. */
void cepa_tor_describe_guard (GString *out, const char *event, GVariant *guard);

/* Adds "$FP~nick down 2026-01-02 03:04:05" (control-spec: GETINFO entry-guards); nothing for a guard of a set that is not
   in use. */
void cepa_tor_describe_guard_state (GString *out, GVariant *guard);

/* The same as circuit-status, stream-status and orconn-status say it: nothing for what has closed. */
void cepa_tor_describe_circuit_state (GString *out, GVariant *circuit);
void cepa_tor_describe_stream_state (GString *out, GVariant *stream);
void cepa_tor_describe_channel_state (GString *out, GVariant *channel);

/* Adds the lines "r", "a", "s", "w" of a relay (control-spec: GETINFO ns/all). */
void cepa_tor_describe_relay (GString *out, GVariant *relay);

/* The same of every relay in what Network1.List gave. */
void cepa_tor_describe_relays (GString *out, GVariant *result);

G_END_DECLS
