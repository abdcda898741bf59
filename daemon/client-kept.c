/* SPDX-License-Identifier: BSD-3-Clause */
#include "client-kept.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "host/vocabulary.h"

#define KEPT_FILE "state"
#define KEPT_MAX_IMPORT (4 * 1024 * 1024)

struct _CepaClientKept
{
  CepaPluginHost *host; /* (nullable) */
  CepaState *state;
  CepaGuards *guards;
  void (*switched) (gpointer user_data); /* (nullable) */
  gpointer switched_data;
  gboolean is_saving, is_saved;
};

static void
kept_guards_changed (gpointer user_data)
{
  cepa_state_changed (((CepaClientKept *) user_data)->state);
}

static void
kept_guard_event (gpointer user_data, CepaGuardEvent event, const CepaGuardInfo *guard)
{
  CepaClientKept *self = user_data;

  if (self->host != NULL)
    cepa_host_vocabulary_guard_event (cepa_host_get_vocabulary (self->host), event, guard);
}

static void
kept_guards_switched (gpointer user_data)
{
  CepaClientKept *self = user_data;

  if (self->switched != NULL)
    self->switched (self->switched_data);
}

static GVariant *
kept_guards_save (gpointer user_data)
{
  return cepa_guards_to_variant (((CepaClientKept *) user_data)->guards);
}

static const CepaGuardsFuncs kept_guards_funcs = { kept_guards_changed, kept_guard_event, kept_guards_switched };

CepaClientKept *
cepa_client_kept_new (GMainContext *context, const CepaConfig *config, CepaPluginHost *host)
{
  CepaClientKept *self = g_new0 (CepaClientKept, 1);
  g_autofree char *path = g_build_filename (config->data_directory, KEPT_FILE, NULL);
  g_autoptr (GVariant) section = NULL;
  g_autoptr (GError) error = NULL;
  CepaGuardsConfig guards_config;

  self->host = host;
  self->state = cepa_state_load (context, cepa_clock_system (), path);
  cepa_guard_options_settle (&config->guards, &guards_config);
  self->guards = cepa_guards_new (cepa_clock_system (), cepa_random_system (), &guards_config);
  section = cepa_state_get_section (self->state, "guards");
  if (section != NULL && !cepa_guards_from_variant (self->guards, section, &error))
    cepa_state_reject_section (self->state, "guards", error);
  cepa_guards_set_funcs (self->guards, &kept_guards_funcs, self);
  cepa_state_add_section (self->state, "guards", kept_guards_save, self);
  return self;
}

void
cepa_client_kept_free (CepaClientKept *self)
{
  if (self == NULL)
    return;
  cepa_guards_free (self->guards);
  cepa_state_free (self->state);
  g_free (self);
}

CepaGuards *
cepa_client_kept_get_guards (CepaClientKept *self)
{
  return self->guards;
}

CepaState *
cepa_client_kept_get_state (CepaClientKept *self)
{
  return self->state;
}

void
cepa_client_kept_set_switched (CepaClientKept *self, void (*switched) (gpointer user_data), gpointer user_data)
{
  self->switched = switched;
  self->switched_data = user_data;
}

static void
kept_saved (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  CepaClientKept *self = user_data;

  g_autoptr (GError) error = NULL;

  cepa_state_save_finish (self->state, result, &error); /* the state has logged it */
  self->is_saved = TRUE;
}

void
cepa_client_kept_save (CepaClientKept *self)
{
  if (self->is_saving)
    return;
  self->is_saving = TRUE;
  cepa_state_save_async (self->state, kept_saved, self);
}

gboolean
cepa_client_kept_is_saved (const CepaClientKept *self)
{
  return self->is_saved;
}

guint
cepa_client_kept_import_guards (const CepaConfig *config, const char *path, GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GBytes) bytes = cepa_file_map (path, error);
  CepaClientKept *kept;
  gsize len;
  guint n = 0;

  if (bytes == NULL)
    return 0;
  if (g_bytes_get_size (bytes) > KEPT_MAX_IMPORT)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s is too large for a state file of C Tor's", path);
      return 0;
    }
  kept = cepa_client_kept_new (context, config, NULL);
  if (cepa_guards_import_tor (kept->guards, g_bytes_get_data (bytes, &len), g_bytes_get_size (bytes), &n, error))
    {
      if (!cepa_state_write_now (kept->state, error))
        n = 0;
    }
  else
    g_prefix_error (error, "%s: ", path);
  cepa_client_kept_free (kept);
  return n;
}
