/* SPDX-License-Identifier: BSD-3-Clause */
/* The process dies in the middle of writing the cache, at each byte and at each step, or the disk does not take it: what
   is found afterwards is the old or the new, never half of one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "directory/cache.h"
#include "directory/load.h"
#include "netdoc/maker.h"
#include "support/log-capture.h"
#include "support/ns-directory.h"
#include "support/test-consensus.h"

#define N_RELAYS 3
#define NOW_S TEST_CONSENSUS_VALID_AFTER_S

static const TestRelay relays[N_RELAYS] = {
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_GUARD },
  { .flags = TEST_RELAY_FLAGS },
  { .flags = TEST_RELAY_FLAGS | CEPA_RELAY_EXIT, .microdesc = "p accept 80\n" },
};

typedef struct
{
  char *folder;
  GMainContext *context;
  GPtrArray *sources;
  char *old, *new, *certificates; /* consensuses, and what they are signed with */
  char *microdescriptors[N_RELAYS];
  CepaConsensusFlavour flavour;
  CepaLoadResult *result;
  gboolean is_done;
} Fixture;

static char *
fixture_path (Fixture *self, const char *name)
{
  return g_build_filename (self->folder, name, NULL);
}

static void
fixture_put (Fixture *self, const char *name, const char *text, gssize len)
{
  g_autofree char *path = fixture_path (self, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, len, &error);
  g_assert_no_error (error);
}

static void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  TestConsensus spec = { relays, N_RELAYS };
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  self->folder = g_dir_make_tmp ("cepa-crash-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->sources = maker_sources (1);
  self->old = test_consensus_text (&spec);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *text = test_consensus_microdescriptor (&spec, i);

      /* As they are kept. */
      self->microdescriptors[i] = g_strconcat ("@last-listed 2026-06-01 12:00:00\n", text, NULL);
    }
  spec.valid_after_s = TEST_CONSENSUS_VALID_AFTER_S + 3600;
  self->new = test_consensus_text (&spec);
  self->certificates = maker_certificate (maker_authority (0), NULL);
  fixture_put (self, CEPA_CACHE_CERTS, self->certificates, -1);
  fixture_put (self, CEPA_CACHE_CONSENSUS, self->old, -1);
}

static void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) folder = g_dir_open (self->folder, 0, NULL);
  const char *name;

  g_clear_pointer (&self->result, cepa_load_result_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = fixture_path (self, name);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->sources);
  for (guint i = 0; i < N_RELAYS; i++)
    g_free (self->microdescriptors[i]);
  g_free (self->folder);
  g_free (self->old);
  g_free (self->new);
  g_free (self->certificates);
}

static void
fixture_loaded (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  Fixture *self = user_data;

  self->result = cepa_load_finish (async, NULL);
  self->is_done = TRUE;
}

static void
fixture_load (Fixture *self)
{
  g_clear_pointer (&self->result, cepa_load_result_free);
  self->is_done = FALSE;
  cepa_load_cache_async (cepa_flavour_get (self->flavour), self->folder, self->sources, NOW_S, NULL, NULL, fixture_loaded,
                         self);
  while (!self->is_done)
    g_main_context_iteration (self->context, TRUE);
  g_assert_nonnull (self->result);
}

static guint
fixture_count_keys (Fixture *self)
{
  guint n = 0;

  g_assert_nonnull (self->result->network);
  for (guint row = 0; row < cepa_network_get_n_relays (self->result->network); row++)
    n += (cepa_network_get_relay (self->result->network, row)->flags & CEPA_RELAY_HAS_KEYS) != 0;
  return n;
}

/* Loads, and says whether it is the new one; anything but one of the two is a failure. */
static gboolean
fixture_load_is_new (Fixture *self)
{
  GBytes *text;
  gboolean is_new;

  fixture_load (self);
  g_assert_cmpuint (self->result->problems->len, ==, 0);
  g_assert_nonnull (self->result->network);
  text = cepa_consensus_get_text (cepa_network_get_consensus (self->result->network));
  is_new = g_bytes_get_size (text) == strlen (self->new)
           && memcmp (g_bytes_get_data (text, NULL), self->new, strlen (self->new)) == 0;
  if (!is_new)
    g_assert_cmpmem (g_bytes_get_data (text, NULL), g_bytes_get_size (text), self->old, strlen (self->old));
  return is_new;
}

/* ---- a process that dies ---- */

/* Any of its threads dies, and the process with it, when it makes this system call. */
static void
die_at_system_call (long number)
{
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (guint32) number, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (code), code };

  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit (3);
}

/* No file may grow beyond @limit: the process dies where it would. */
static void
die_beyond (rlim_t limit)
{
  struct rlimit size = { limit, limit }, none = { 0, 0 };

  setrlimit (RLIMIT_CORE, &none);
  if (setrlimit (RLIMIT_FSIZE, &size) != 0)
    _exit (3);
}

/* Writes @text in a process of its own. @call: (-1: none) at which it dies; @limit: of files. Returns: whether it lived. */
static gboolean
fixture_write_in_child (Fixture *self, const char *name, const char *text, gboolean append, long call, rlim_t limit)
{
  pid_t child = fork ();
  int status = 0;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      CepaCache *cache = cepa_cache_new (self->folder, self->context);
      g_autoptr (GBytes) content = g_bytes_new (text, strlen (text));

      if (call >= 0)
        die_at_system_call (call);
      die_beyond (limit);
      if (append)
        cepa_cache_append (cache, name, content);
      else
        cepa_cache_write (cache, name, content);
      cepa_cache_free (cache);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  if (WIFEXITED (status))
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  else
    g_assert_true (WTERMSIG (status) == SIGXFSZ || WTERMSIG (status) == SIGSYS);
  return WIFEXITED (status);
}

static void
test_each_byte (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gsize len = strlen (self->new);

  for (gsize n = 0; n <= len; n += n + 8 < len && n > 8 ? 7 : 1)
    {
      gboolean lived = fixture_write_in_child (self, CEPA_CACHE_CONSENSUS, self->new, FALSE, -1, n);

      g_assert_cmpint (lived, ==, n == len);
      g_assert_cmpint (fixture_load_is_new (self), ==, lived);
    }
}

static void
test_each_step (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    long call;
    gboolean lives;
  } steps[] = {
    { SYS_openat, FALSE }, { SYS_write, FALSE }, { SYS_fsync, FALSE },
#ifdef SYS_rename
    { SYS_rename, FALSE },
#else
    { SYS_renameat, FALSE },
#endif
    { SYS_mkdirat, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      gboolean lived = fixture_write_in_child (self, CEPA_CACHE_CONSENSUS, self->new, FALSE, steps[i].call, RLIM_INFINITY);

      g_assert_cmpint (lived, ==, steps[i].lives);
      g_assert_cmpint (fixture_load_is_new (self), ==, steps[i].lives);
    }
}

/* What was added before is there whatever happens to what is added now, and so is what is added after. */
static void
test_each_byte_of_microdescriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  gsize first = strlen (self->microdescriptors[0]), second = strlen (self->microdescriptors[1]);

  for (gsize n = 0; n <= second; n++)
    {
      gboolean lived;

      g_test_message ("byte %" G_GSIZE_FORMAT, n);
      fixture_put (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, self->microdescriptors[0], -1);
      lived = fixture_write_in_child (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, self->microdescriptors[1], TRUE, -1, first + n);
      g_assert_cmpint (lived, ==, n == second);
      fixture_load (self);
      g_assert_cmpuint (self->result->problems->len, ==, 0);
      /* Its last byte ends a line and is not needed. */
      g_assert_cmpuint (fixture_count_keys (self), >=, lived ? 2 : 1);
      g_assert_true (fixture_write_in_child (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, self->microdescriptors[2], TRUE, -1,
                                             RLIM_INFINITY));
      fixture_load (self);
      g_assert_cmpuint (fixture_count_keys (self), >=, lived ? 3 : 2);
    }
}

/* The same of server descriptors; most bytes of one are in the middle of a line. */
static void
test_bytes_of_server_descriptors (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  char *texts[NS_DIRECTORY_N];
  g_autofree char *consensus = NULL;
  gsize first, second;

  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    texts[i] = ns_directory_descriptor (i, MAKER_DESCRIPTOR_GOOD);
  consensus = ns_directory_consensus (NOW_S, texts);
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    {
      g_autofree char *bare = g_steal_pointer (&texts[i]);

      /* As they are kept. */
      texts[i] = g_strconcat ("@last-listed 2026-06-01 12:00:00\n", bare, NULL);
    }
  first = strlen (texts[0]);
  second = strlen (texts[1]);
  self->flavour = CEPA_CONSENSUS_NS;
  fixture_put (self, CEPA_CACHE_NS_CONSENSUS, consensus, -1);
  for (gsize n = 0; n <= second; n += n < 60 || n + 60 > second ? 1 : 61)
    {
      gboolean lived;

      fixture_put (self, CEPA_CACHE_NEW_SERVER_DESCRIPTORS, texts[0], -1);
      lived = fixture_write_in_child (self, CEPA_CACHE_NEW_SERVER_DESCRIPTORS, texts[1], TRUE, -1, first + n);
      g_assert_cmpint (lived, ==, n == second);
      fixture_load (self);
      g_assert_cmpuint (self->result->problems->len, ==, 0);
      g_assert_cmpuint (fixture_count_keys (self), >=, lived ? 2 : 1);
      g_assert_true (fixture_write_in_child (self, CEPA_CACHE_NEW_SERVER_DESCRIPTORS, texts[2], TRUE, -1, RLIM_INFINITY));
      fixture_load (self);
      g_assert_cmpuint (fixture_count_keys (self), >=, lived ? 3 : 2);
    }
  for (guint i = 0; i < NS_DIRECTORY_N; i++)
    g_free (texts[i]);
}

/* ---- a disk that does not take it ---- */

/* Files that may not grow are refused like those on a full disk: with an error, in the middle of a write. */
static void
test_full (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  struct rlimit before, small = { 100, RLIM_INFINITY };
  CepaCache *cache = cepa_cache_new (self->folder, self->context);
  g_autoptr (GBytes) content = g_bytes_new (self->new, strlen (self->new));
  g_autofree char *log = NULL, *path = fixture_path (self, CEPA_CACHE_NEW_MICRODESCRIPTORS), *left = NULL;
  LogCapture capture;

  fixture_put (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, "before", -1);
  log_capture_start (&capture, CEPA_LOG_WARN);
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  small.rlim_max = before.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  cepa_cache_write (cache, CEPA_CACHE_CONSENSUS, content);
  cepa_cache_append (cache, CEPA_CACHE_NEW_MICRODESCRIPTORS, content);
  cepa_cache_free (cache);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  signal (SIGXFSZ, SIG_DFL);
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, CEPA_CACHE_CONSENSUS);
  log_capture_assert_has (log, "cannot add to ");
  /* What did not fit is not left in part either. */
  g_assert_true (g_file_get_contents (path, &left, NULL, NULL));
  g_assert_cmpstr (left, ==, "before");
  fixture_put (self, CEPA_CACHE_NEW_MICRODESCRIPTORS, "", -1);
  g_assert_false (fixture_load_is_new (self));
}

/* A folder that takes no files, not even root's: told of, and nothing else happens. */
static void
test_read_only (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaCache *cache = cepa_cache_new ("/proc/self/fdinfo", self->context);
  g_autoptr (GBytes) content = g_bytes_new (self->new, strlen (self->new));
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_WARN);
  cepa_cache_write (cache, CEPA_CACHE_CONSENSUS, content);
  cepa_cache_append (cache, CEPA_CACHE_NEW_MICRODESCRIPTORS, content);
  cepa_cache_remove (cache, CEPA_CACHE_NEW_MICRODESCRIPTORS);
  cepa_cache_free (cache);
  while (g_main_context_iteration (self->context, FALSE))
    continue;
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, "/proc/self/fdinfo/" CEPA_CACHE_CONSENSUS);
  log_capture_assert_has (log, "cannot add to /proc/self/fdinfo/" CEPA_CACHE_NEW_MICRODESCRIPTORS);
}

#define ADD(path, func) g_test_add ("/crash/" path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_consensus_init ();
  ADD ("each-byte", test_each_byte);
  ADD ("each-step", test_each_step);
  ADD ("each-byte-of-microdescriptors", test_each_byte_of_microdescriptors);
  ADD ("bytes-of-server-descriptors", test_bytes_of_server_descriptors);
  ADD ("full", test_full);
  ADD ("read-only", test_read_only);
  return g_test_run ();
}
