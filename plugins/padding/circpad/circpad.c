/* SPDX-License-Identifier: BSD-3-Clause */
#include "circpad.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cepa/services.h>

#include "engine.h"
#include "netflow.h"

struct _CepaCircpad
{
  const CepaHost *host;
  CepaNetflow netflow;
  gboolean pads_circuits, reduced; /* as the user says */
  gboolean network_reduced;        /* as the consensus says */
  GPtrArray *specs;                /* (element-type CepaCircpadSpec): in the user's order */
};

/* One of the two. */
typedef struct
{
  CepaNetflowMachine *netflow;
  CepaCircpadEngine *engine;
} CircpadMachine;

CepaCircpad *
cepa_circpad_new (const CepaHost *host)
{
  CepaCircpad *self = g_new0 (CepaCircpad, 1);
  const char *mode = cepa_host_option_text (host, "connection-padding", "auto");

  self->host = host;
  cepa_netflow_init (&self->netflow, host,
                     strcmp (mode, "0") == 0   ? CEPA_NETFLOW_NEVER
                     : strcmp (mode, "1") == 0 ? CEPA_NETFLOW_ALWAYS
                                               : CEPA_NETFLOW_AUTO,
                     cepa_host_option_int (host, "reduced-connection-padding", 0) != 0);
  self->pads_circuits = cepa_host_option_int (host, "circuit-padding", 1) != 0;
  self->reduced = cepa_host_option_int (host, "reduced-circuit-padding", 0) != 0;
  self->specs = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_circpad_spec_free);
  return self;
}

void
cepa_circpad_free (CepaCircpad *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->specs);
  g_free (self);
}

/* ---- files ---- */

static gboolean
circpad_refuse_file (const char *file, const char *why, GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "reading the machine %s: %s", file, why);
  return FALSE;
}

/* The bytes of a small regular file; more than one may have shows by the length. */
static gboolean
circpad_read (const char *file, int fd, char *text, gsize *len, GError **error)
{
  struct stat status;

  *len = 0;
  if (fstat (fd, &status) != 0)
    return circpad_refuse_file (file, g_strerror (errno), error);
  if (!S_ISREG (status.st_mode))
    return circpad_refuse_file (file, "it is not a regular file", error);
  while (*len <= CEPA_CIRCPAD_MAX_FILE)
    {
      ssize_t n = read (fd, text + *len, CEPA_CIRCPAD_MAX_FILE + 1 - *len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return circpad_refuse_file (file, g_strerror (errno), error);
      if (n == 0)
        break;
      *len += (gsize) n;
    }
  return TRUE;
}

static gboolean
circpad_load_file (CepaCircpad *self, const char *file, GError **error)
{
  g_autofree char *text = g_malloc (CEPA_CIRCPAD_MAX_FILE + 1);
  CepaCircpadSpec *spec;
  gsize len = 0;
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  gboolean ok;

  if (fd < 0)
    return circpad_refuse_file (file, g_strerror (errno), error);
  ok = circpad_read (file, fd, text, &len, error);
  close (fd);
  if (!ok || (spec = cepa_circpad_spec_parse (text, len, file, error)) == NULL)
    return FALSE;
  g_ptr_array_add (self->specs, spec);
  return TRUE;
}

gboolean
cepa_circpad_load (CepaCircpad *self, GError **error)
{
  const char *const *files = cepa_host_option (self->host, "machines");

  for (guint i = 0; files != NULL && files[i] != NULL; i++)
    if (!circpad_load_file (self, files[i], error))
      return FALSE;
  return TRUE;
}

/* ---- machines ---- */

void
cepa_circpad_set_params (CepaCircpad *self, const CepaNetworkView *view)
{
  cepa_netflow_set_params (&self->netflow, view);
  self->network_reduced = cepa_network_view_param (view, "circpad_padding_reduced", 0) != 0;
}

static const CepaCircpadSpec *
circpad_find (const CepaCircpad *self, const CepaPaddingTarget *target)
{
  gboolean reduced = self->reduced || self->network_reduced;

  for (guint i = 0; self->pads_circuits && i < self->specs->len; i++)
    {
      const CepaCircpadSpec *spec = g_ptr_array_index (self->specs, i);

      if (cepa_circpad_spec_fits (spec, target) && (spec->reduced || !reduced))
        return spec;
    }
  return NULL;
}

void *
cepa_circpad_machine_new (CepaCircpad *self, const CepaPaddingTarget *target)
{
  const CepaCircpadSpec *spec = circpad_find (self, target);
  CircpadMachine *machine;

  if (target->scope != CEPA_PADDING_CHANNEL && spec == NULL)
    return NULL;
  machine = g_new0 (CircpadMachine, 1);
  if (target->scope == CEPA_PADDING_CHANNEL)
    machine->netflow = cepa_netflow_machine_new (&self->netflow, target);
  else
    machine->engine = cepa_circpad_engine_new (spec, self->host);
  return machine;
}

void
cepa_circpad_machine_free (void *machine)
{
  CircpadMachine *self = machine;

  g_clear_pointer (&self->netflow, cepa_netflow_machine_free);
  g_clear_pointer (&self->engine, cepa_circpad_engine_free);
  g_free (self);
}

gboolean
cepa_circpad_machine_is_patient (const void *machine)
{
  return ((const CircpadMachine *) machine)->netflow != NULL;
}

guint32
cepa_circpad_machine_trigger (void *machine, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                              CepaPaddingAction *actions, guint32 max_actions)
{
  CircpadMachine *self = machine;

  return self->netflow != NULL
             ? cepa_netflow_machine_trigger (self->netflow, events, n_events, now_us, actions, max_actions)
             : cepa_circpad_engine_trigger (self->engine, events, n_events, now_us, actions, max_actions);
}
