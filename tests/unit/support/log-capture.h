/* SPDX-License-Identifier: BSD-3-Clause */
/* What a test makes the daemon log. */
#pragma once

#include <glib/gstdio.h>
#include <string.h>

#include "base/log.h"

typedef struct
{
  char *folder, *path;
} LogCapture;

/* From now on every line of @severity or worse is kept. */
static inline void
log_capture_start (LogCapture *self, CepaLogSeverity severity)
{
  g_autoptr (GError) error = NULL;
  CepaLogRule rule;

  self->folder = g_dir_make_tmp ("cepa-log-XXXXXX", &error);
  g_assert_no_error (error);
  self->path = g_build_filename (self->folder, "log", NULL);
  memset (rule.levels, (2 << severity) - 1, sizeof rule.levels);
  g_assert_true (cepa_log_add_sink (CEPA_LOG_SINK_FILE, self->path, &rule, &error));
  cepa_log_startup_done ();
}

/* (transfer full): what was logged since; the capture is over. */
static inline char *
log_capture_stop (LogCapture *self)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  cepa_log_close ();
  g_file_get_contents (self->path, &text, NULL, &error);
  g_assert_no_error (error);
  g_unlink (self->path);
  g_rmdir (self->folder);
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->folder, g_free);
  return text;
}

/* Asserts that @part is in @text. */
static inline void
log_capture_assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" is not in: %s", part, text);
}
