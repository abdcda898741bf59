/* SPDX-License-Identifier: BSD-3-Clause */
/* The grammar of torrc: text to lines of option and value. What the options mean is not known here. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_TORRC_MAX_SIZE (1024 * 1024) /* bytes of one file */
#define CEPA_TORRC_MAX_DEPTH 31           /* files inside files, the first one counted, as in C Tor */
#define CEPA_TORRC_MAX_FILES 1000         /* of one torrc, all its %include lines together */

typedef enum
{
  CEPA_TORRC_SET,   /* "Option value": replaces what a lower layer says */
  CEPA_TORRC_ADD,   /* "+Option value": adds to it */
  CEPA_TORRC_CLEAR, /* "/Option": takes it away; the value is empty */
} CepaTorrcCommand;

/**
 * CepaTorrcLine:
 *
 * All three texts are UTF-8.
 */
typedef struct
{
  char *where; /* "FILE:LINE" or "command line": what a message about it begins with */
  CepaTorrcCommand command;
  char *key; /* as it was written, without + and / */
  char *value;
} CepaTorrcLine;

CepaTorrcLine *cepa_torrc_line_new (const char *where, CepaTorrcCommand command, const char *key,
                                    const char *value);
void cepa_torrc_line_free (CepaTorrcLine *self); /* NULL is allowed */

/**
 * cepa_torrc_parse:
 * @text: (array length=len): a file's content, any bytes
 * @name: the file's name, for messages
 * @lines: (element-type CepaTorrcLine): the lines are added here; %include lines are lines like others
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG naming file, line and fault; @lines may have got the lines before it.
 */
gboolean cepa_torrc_parse (const char *text, gsize len, const char *name, GPtrArray *lines, GError **error);

/**
 * cepa_torrc_load:
 * @path: a file, or "-" for standard input
 *
 * Reads it and the files that its %include lines name, which take these lines' places.
 *
 * Returns: (transfer full) (nullable) (element-type CepaTorrcLine): NULL with CEPA_ERROR_NOT_FOUND when
 * there is no such file, CEPA_ERROR_CONFIG otherwise.
 */
GPtrArray *cepa_torrc_load (const char *path, GError **error);

G_END_DECLS
