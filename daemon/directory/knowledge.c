/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/knowledge.h"

#include <gio/gio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

/* Who waits for countries. */
typedef struct
{
  CepaKnowledgeCountriesFunc func;
  gpointer user_data;
} KnowledgeQuestion;

struct _CepaKnowledge
{
  CepaDirectory *directory;
  CepaKnowledgeFunc changed;
  gpointer user_data;
  CepaExtras *extras;       /* shared with the directory: a change is a copy */
  GPtrArray *node_families; /* (nullable) (element-type CepaNodeSet) */
  char *geoip, *geoip6, *as_map; /* files; (nullable) */
  gboolean wants_countries;
  guint term;               /* of the files: what is read of others comes too late */
  guint n_workers;
  gboolean is_reading_countries;
  gboolean is_started, is_stopped;
  GArray *questions; /* (element-type KnowledgeQuestion) */
};

/* What a worker reads, and what it finds. */
typedef struct
{
  CepaKnowledge *knowledge;
  guint term;
  char *geoip, *geoip6; /* (nullable): with neither, @as_map is read */
  char *as_map;
  CepaGeoip *found_geoip;   /* (nullable) */
  CepaAsMap *found_as_map;  /* (nullable) */
  GPtrArray *problems;      /* (element-type utf8) */
} KnowledgeReading;

static void
knowledge_reading_free (KnowledgeReading *self)
{
  g_free (self->geoip);
  g_free (self->geoip6);
  g_free (self->as_map);
  cepa_geoip_unref (self->found_geoip);
  cepa_as_map_unref (self->found_as_map);
  g_ptr_array_unref (self->problems);
  g_free (self);
}

/* ---- in the worker ---- */

/* (transfer full) (nullable) */
static GBytes *
knowledge_map (KnowledgeReading *reading, const char *path)
{
  g_autoptr (GError) error = NULL;
  GBytes *text = path != NULL ? cepa_file_map (path, &error) : NULL;

  if (error != NULL)
    g_ptr_array_add (reading->problems, g_strdup_printf ("countries: %s", error->message));
  return text;
}

static void
knowledge_read_countries (KnowledgeReading *reading)
{
  g_autoptr (GBytes) ipv4 = knowledge_map (reading, reading->geoip);
  g_autoptr (GBytes) ipv6 = knowledge_map (reading, reading->geoip6);

  if (ipv4 != NULL || ipv6 != NULL)
    reading->found_geoip = cepa_geoip_new_from_maps (ipv4, ipv6, reading->problems);
}

static void
knowledge_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data,
                  G_GNUC_UNUSED GCancellable *cancellable)
{
  KnowledgeReading *reading = task_data;
  g_autoptr (GError) error = NULL;

  if (reading->as_map != NULL)
    reading->found_as_map = cepa_as_map_open (reading->as_map, &error);
  else
    knowledge_read_countries (reading);
  if (error != NULL)
    g_ptr_array_add (reading->problems, g_strdup_printf ("ASFile: %s", error->message));
  g_task_return_boolean (task, TRUE);
}

/* ---- in the loop ---- */

static void
knowledge_publish (CepaKnowledge *self)
{
  cepa_directory_set_supplement (self->directory, self->extras, self->node_families);
}

/* Makes @self->extras one of our own. */
static void
knowledge_unshare (CepaKnowledge *self)
{
  CepaExtras *old = self->extras;

  self->extras = cepa_extras_copy (old);
  cepa_extras_unref (old);
}

static void
knowledge_answer (CepaKnowledge *self)
{
  g_autoptr (GArray) questions = self->questions;

  self->questions = g_array_new (FALSE, FALSE, sizeof (KnowledgeQuestion));
  for (guint i = 0; i < questions->len; i++)
    {
      const KnowledgeQuestion *question = &g_array_index (questions, KnowledgeQuestion, i);

      question->func (question->user_data, self->is_stopped ? NULL : cepa_knowledge_get_geoip (self));
    }
}

static void
knowledge_done (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  KnowledgeReading *reading = user_data;
  CepaKnowledge *self = reading->knowledge;

  (void) async;
  self->n_workers--;
  if (reading->term != self->term || self->is_stopped)
    {
      knowledge_reading_free (reading);
      return;
    }
  for (guint i = 0; i < reading->problems->len; i++)
    cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN, "%s", (const char *) g_ptr_array_index (reading->problems, i));
  knowledge_unshare (self);
  if (reading->as_map != NULL)
    cepa_extras_set_as_map (self->extras, reading->found_as_map);
  else
    {
      self->is_reading_countries = FALSE;
      cepa_extras_set_geoip (self->extras, reading->found_geoip);
    }
  knowledge_publish (self);
  knowledge_reading_free (reading);
  self->changed (self->user_data);
  if (!self->is_reading_countries)
    knowledge_answer (self);
}

/* @reading: (transfer full) */
static void
knowledge_read (CepaKnowledge *self, KnowledgeReading *reading)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, knowledge_done, reading);

  reading->knowledge = self;
  reading->term = self->term;
  reading->problems = g_ptr_array_new_with_free_func (g_free);
  g_task_set_name (task, "knowledge of relays");
  g_task_set_task_data (task, reading, NULL);
  self->n_workers++;
  g_task_run_in_thread (task, knowledge_thread);
}

static void
knowledge_start_countries (CepaKnowledge *self)
{
  KnowledgeReading *reading;

  self->is_reading_countries = TRUE;
  if (!self->is_started)
    return;
  reading = g_new0 (KnowledgeReading, 1);
  reading->geoip = g_strdup (self->geoip);
  reading->geoip6 = g_strdup (self->geoip6);
  knowledge_read (self, reading);
}

static void
knowledge_start_as_map (CepaKnowledge *self)
{
  KnowledgeReading *reading;

  if (!self->is_started)
    return;
  reading = g_new0 (KnowledgeReading, 1);
  reading->as_map = g_strdup (self->as_map);
  knowledge_read (self, reading);
}

CepaKnowledge *
cepa_knowledge_new (CepaDirectory *directory, CepaKnowledgeFunc changed, gpointer user_data)
{
  CepaKnowledge *self = g_new0 (CepaKnowledge, 1);

  self->directory = directory;
  self->changed = changed;
  self->user_data = user_data;
  self->extras = cepa_extras_new ();
  self->questions = g_array_new (FALSE, FALSE, sizeof (KnowledgeQuestion));
  return self;
}

void
cepa_knowledge_start (CepaKnowledge *self)
{
  self->is_started = TRUE;
  if (self->wants_countries)
    knowledge_start_countries (self);
  if (self->as_map != NULL)
    knowledge_start_as_map (self);
}

void
cepa_knowledge_stop (CepaKnowledge *self)
{
  self->is_stopped = TRUE;
  knowledge_answer (self);
}

gboolean
cepa_knowledge_is_busy (const CepaKnowledge *self)
{
  return self->n_workers > 0;
}

void
cepa_knowledge_free (CepaKnowledge *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (self->n_workers == 0 && self->questions->len == 0);
  cepa_extras_unref (self->extras);
  g_clear_pointer (&self->node_families, g_ptr_array_unref);
  g_free (self->geoip);
  g_free (self->geoip6);
  g_free (self->as_map);
  g_array_unref (self->questions);
  g_free (self);
}

static gboolean
knowledge_take_path (char **path, const char *fresh)
{
  if (g_strcmp0 (*path, fresh) == 0)
    return FALSE;
  g_free (*path);
  *path = g_strdup (fresh);
  return TRUE;
}

void
cepa_knowledge_set_files (CepaKnowledge *self, const CepaKnowledgeFiles *files)
{
  gboolean has_changed = knowledge_take_path (&self->geoip, files->geoip);

  has_changed |= knowledge_take_path (&self->geoip6, files->geoip6);
  has_changed |= knowledge_take_path (&self->as_map, files->as_map);
  if (!has_changed)
    return;
  self->term++;
  self->is_reading_countries = FALSE;
  knowledge_unshare (self);
  cepa_extras_set_as_map (self->extras, NULL);
  cepa_extras_set_geoip (self->extras, NULL);
  knowledge_publish (self);
  if (self->wants_countries)
    knowledge_start_countries (self);
  if (self->as_map != NULL)
    knowledge_start_as_map (self);
}

void
cepa_knowledge_want_countries (CepaKnowledge *self)
{
  if (self->wants_countries || self->is_stopped)
    return;
  self->wants_countries = TRUE;
  knowledge_start_countries (self);
}

void
cepa_knowledge_set_node_families (CepaKnowledge *self, GPtrArray *sets)
{
  GPtrArray *old = self->node_families;

  self->node_families = g_ptr_array_ref (sets);
  g_clear_pointer (&old, g_ptr_array_unref);
  knowledge_publish (self);
}

gboolean
cepa_knowledge_set_side_table (CepaKnowledge *self, const char *name, CepaSideTable *table)
{
  knowledge_unshare (self);
  if (!cepa_extras_set_side_table (self->extras, name, table))
    return FALSE;
  knowledge_publish (self);
  return TRUE;
}

gboolean
cepa_knowledge_is_waiting (const CepaKnowledge *self)
{
  const CepaNetwork *network = cepa_directory_get_network (self->directory);
  const CepaExtras *extras = network != NULL ? cepa_network_get_extras (network) : NULL;

  if (self->is_reading_countries)
    return TRUE;
  return network != NULL && cepa_extras_get_geoip (self->extras) != NULL
         && (extras == NULL || cepa_extras_get_geoip (extras) != cepa_extras_get_geoip (self->extras));
}

const CepaGeoip *
cepa_knowledge_get_geoip (const CepaKnowledge *self)
{
  return cepa_extras_get_geoip (self->extras);
}

void
cepa_knowledge_ask_countries (CepaKnowledge *self, CepaKnowledgeCountriesFunc func, gpointer user_data)
{
  KnowledgeQuestion question = { func, user_data };

  cepa_knowledge_want_countries (self);
  if (!self->is_reading_countries)
    {
      func (user_data, cepa_knowledge_get_geoip (self));
      return;
    }
  g_array_append_val (self->questions, question);
}
