/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin for tests of a plugin's life, built many times: each build does one thing wrong, by a macro of meson.build. */
#include <cepa/cepa.h>
#include <unistd.h>

#ifndef CONDUCT_ID
#define CONDUCT_ID "metrics.conduct"
#endif
#ifndef CONDUCT_START
#define CONDUCT_START conduct_start
#endif
#ifndef CONDUCT_STOP
#define CONDUCT_STOP conduct_stop
#endif

typedef struct
{
  const CepaHost *host;
  uint64_t timer, task;
  int pipe[2];
} Conduct;

static void *
conduct_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Conduct *self = g_new0 (Conduct, 1);

  self->host = host;
  return self;
}

static void
conduct_destroy (void *self)
{
  g_free (self);
}

G_GNUC_UNUSED static void
conduct_start (void *data, uint64_t task)
{
  Conduct *self = data;
  g_autofree char *line = g_strdup_printf ("depth %" G_GINT64_FORMAT, cepa_host_option_int (self->host, "depth", -1));

  cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, line);
  cepa_host_complete (self->host, task, NULL);
}

static void
conduct_timer (void *data)
{
  Conduct *self = data;

  cepa_host_timer_free (self->host, self->timer);
  self->timer = 0;
  cepa_host_complete (self->host, self->task, NULL);
}

/* Not at once. */
G_GNUC_UNUSED static void
conduct_start_later (void *data, uint64_t task)
{
  Conduct *self = data;

  self->task = task;
  self->timer = cepa_host_timer_new (self->host, conduct_timer, self);
  cepa_host_timer_set (self->host, self->timer, 1000);
}

G_GNUC_UNUSED static void
conduct_start_never (G_GNUC_UNUSED void *data, G_GNUC_UNUSED uint64_t task)
{
}

G_GNUC_UNUSED static void
conduct_start_failing (void *data, uint64_t task)
{
  Conduct *self = data;

  cepa_host_complete (self->host, task,
                      g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "the table of latencies is torn"));
}

G_GNUC_UNUSED static void
conduct_start_twice (void *data, uint64_t task)
{
  Conduct *self = data;

  cepa_host_complete (self->host, task, NULL);
  cepa_host_complete (self->host, task, NULL);
}

static gpointer
conduct_thread (gpointer data)
{
  Conduct *self = data;
  uint8_t byte;

  cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, "from elsewhere");
  cepa_host_random (self->host, &byte, 1);
  if (cepa_host_monotonic_us (self->host) != 0 || cepa_host_wall_s (self->host) != 0)
    g_error ("another thread was told the time");
  return NULL;
}

G_GNUC_UNUSED static void
conduct_start_thread (void *data, uint64_t task)
{
  Conduct *self = data;

  g_thread_join (g_thread_new ("conduct", conduct_thread, self));
  cepa_host_complete (self->host, task, NULL);
}

G_GNUC_UNUSED static void
conduct_start_leaking (void *data, uint64_t task)
{
  Conduct *self = data;

  self->timer = cepa_host_timer_new (self->host, conduct_timer, self);
  cepa_host_timer_set (self->host, self->timer, INT64_C (3600) * G_USEC_PER_SEC);
  cepa_host_complete (self->host, task, NULL);
}

static void
conduct_readable (void *data, int fd, G_GNUC_UNUSED uint32_t events)
{
  Conduct *self = data;
  char text[64] = "";

  if (read (fd, text, sizeof text - 1) > 0)
    cepa_host_log (self->host, CEPA_HOST_LOG_NOTICE, text);
  cepa_host_watch_free (self->host, self->timer);
  close (self->pipe[0]);
  close (self->pipe[1]);
  cepa_host_fail (self->host, g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the pipe has spoken"));
}

/* Runs, then gives up in the call of a watch, after which the instance must still be there. */
G_GNUC_UNUSED static void
conduct_start_giving_up (void *data, uint64_t task)
{
  Conduct *self = data;

  cepa_host_complete (self->host, task, NULL);
  if (pipe (self->pipe) != 0 || write (self->pipe[1], "hello", 5) != 5)
    return;
  self->timer = cepa_host_watch_new (self->host, self->pipe[0], CEPA_WATCH_READ, conduct_readable, self);
}

G_GNUC_UNUSED static void
conduct_start_with_files (void *data, uint64_t task)
{
  Conduct *self = data;
  GError *error = NULL;
  g_autofree char *folder = cepa_host_directory (self->host, &error);
  g_autofree char *path = folder != NULL ? g_build_filename (folder, "notes", NULL) : NULL;

  if (path != NULL && !g_file_set_contents (path, "x", 1, NULL))
    error = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s cannot be written", path);
  cepa_host_complete (self->host, task, error);
}

G_GNUC_UNUSED static void
conduct_stop (void *data, uint64_t task)
{
  Conduct *self = data;

  cepa_host_complete (self->host, task, NULL);
}

G_GNUC_UNUSED static void
conduct_stop_never (G_GNUC_UNUSED void *data, G_GNUC_UNUSED uint64_t task)
{
}

static const CepaMetricsTable conduct_metrics = {
  .size = sizeof (CepaMetricsTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
};

static const CepaControlTable conduct_control = {
  .size = sizeof (CepaControlTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
};

static const CepaPluginOption conduct_options[] = {
  { .name = "depth", .type = CEPA_PLUGIN_OPTION_INT, .minimum = 1, .maximum = 9, .default_text = "3",
    .description = "How deep." },
  { .name = "format", .type = CEPA_PLUGIN_OPTION_TEXT, .choices = "csv|json", .description = "How." },
  { .name = "names", .type = CEPA_PLUGIN_OPTION_TEXT, .is_list = 1, .description = "Whose." },
  { .name = "loud", .type = CEPA_PLUGIN_OPTION_BOOL, .default_text = "0", .description = "Whether." },
  { .name = "password", .type = CEPA_PLUGIN_OPTION_SECRET, .description = "What nobody is shown." },
  { .name = "output", .type = CEPA_PLUGIN_OPTION_FILE, .description = "Where." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = CONDUCT_ID,
  .name = "A plugin for tests",
  .licence = "BSD-3-Clause",
  .options = conduct_options,
  .n_options = G_N_ELEMENTS (conduct_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = conduct_create,
  .start = CONDUCT_START,
  .stop = CONDUCT_STOP,
  .destroy = conduct_destroy,
  .control = &conduct_control,
  .metrics = &conduct_metrics,
};
