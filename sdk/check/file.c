/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the files: what can be said before any code of the plugin runs. */
#include <dlfcn.h>
#include <string.h>

#include "check.h"
#include "elf-file.h"

#define FILE_GROUP "Plugin"

static CepaElf *
file_read (CepaCheck *check)
{
  g_autoptr (GError) error = NULL;
  CepaElf *elf = cepa_elf_read (check->module, &error);

  if (elf == NULL)
    cepa_check_fail (check, "%s", error->message);
  return elf;
}

static void
file_check_object (CepaCheck *check)
{
  cepa_elf_free (file_read (check));
}

static void
file_check_symbol (CepaCheck *check)
{
  g_autoptr (CepaElf) elf = file_read (check);
  gboolean is_there = FALSE;

  if (elf == NULL)
    return;
  for (guint i = 0; i < elf->exported->len; i++)
    {
      const char *name = g_ptr_array_index (elf->exported, i);

      if (strcmp (name, CEPA_PLUGIN_SYMBOL) == 0)
        is_there = TRUE;
      else
        cepa_check_fail (check, "%s is exported too: compile with -fvisibility=hidden", name);
    }
  if (!is_there)
    cepa_check_fail (check, "%s is not exported: declare it with CEPA_PLUGIN_EXPORT", CEPA_PLUGIN_SYMBOL);
}

static void
file_check_constructor (CepaCheck *check)
{
  g_autoptr (CepaElf) elf = file_read (check);

  if (elf != NULL && elf->is_sanitized)
    cepa_check_skip (check, "it is built with a sanitizer, which has its own");
  for (guint i = 0; elf != NULL && !elf->is_sanitized && i < elf->constructors->len; i++)
    cepa_check_fail (check, "%s would run at loading or at the end of the process",
                     (const char *) g_ptr_array_index (elf->constructors, i));
}

static gboolean
file_has_symbol (GPtrArray *handles, const char *name)
{
  for (guint i = 0; i < handles->len; i++)
    if (dlsym (g_ptr_array_index (handles, i), name) != NULL)
      return TRUE;
  return FALSE;
}

/* Whether @library is GLib's, GIO's, the C library's or a compiler's. */
static gboolean
file_is_usual_library (const char *library)
{
  static const char *const usual[] = { "libc.so", "libm.so", "libglib-2.0.so", "libgobject-2.0.so", "libgio-2.0.so",
                                       "libgmodule-2.0.so", "libgcc_s.so", "libstdc++.so", "ld-linux", "libasan.so",
                                       "libubsan.so" };

  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    if (g_str_has_prefix (library, usual[i]))
      return TRUE;
  return FALSE;
}

static void
file_note_libraries (CepaCheck *check, const CepaElf *elf)
{
  for (guint i = 0; i < elf->libraries->len; i++)
    {
      const char *library = g_ptr_array_index (elf->libraries, i);

      if (!file_is_usual_library (library))
        cepa_check_note (check, "it brings %s along: every user of it must have that", library);
    }
}

static void
file_check_undefined (CepaCheck *check)
{
  g_autoptr (CepaElf) elf = file_read (check);
  g_autoptr (GPtrArray) handles = g_ptr_array_new ();

  for (guint i = 0; elf != NULL && i < elf->libraries->len; i++)
    {
      void *handle = dlopen (g_ptr_array_index (elf->libraries, i), RTLD_LAZY | RTLD_LOCAL);

      if (handle == NULL)
        cepa_check_fail (check, "a library that it needs is not there: %s", dlerror ());
      else
        g_ptr_array_add (handles, handle);
    }
  for (guint i = 0; elf != NULL && i < elf->imported->len; i++)
    if (!file_has_symbol (handles, g_ptr_array_index (elf->imported, i)))
      cepa_check_fail (check, "%s is in none of the libraries that it is linked with",
                       (const char *) g_ptr_array_index (elf->imported, i));
  if (elf != NULL)
    file_note_libraries (check, elf);
}

/* Whether @id is a kind, a dot and a name. */
static gboolean
file_is_id (const char *id)
{
  return g_regex_match_simple ("^(path|padding|transport|control|metrics)\\.[a-z0-9-]+$", id, G_REGEX_DOLLAR_ENDONLY, 0);
}

static void
file_check_list (CepaCheck *check, GKeyFile *keyfile, const char *key)
{
  g_auto (GStrv) ids = g_key_file_get_string_list (keyfile, FILE_GROUP, key, NULL, NULL);

  for (guint i = 0; ids != NULL && ids[i] != NULL; i++)
    if (!file_is_id (ids[i]))
      cepa_check_fail (check, "%s has \"%s\", which is not a kind, a dot and a name", key, ids[i]);
}

static void
file_check_module (CepaCheck *check, const char *module)
{
  g_autofree char *name = g_path_get_basename (check->module);

  if (strcmp (module, name) != 0)
    cepa_check_fail (check, "Module is \"%s\", and this is %s", module, name);
}

static void
file_check_values (CepaCheck *check, GKeyFile *keyfile)
{
  static const char *const needed[] = { "Id", "Name", "Module", "AbiMajor", "AbiMinor", NULL };
  g_autofree char *id = g_key_file_get_string (keyfile, FILE_GROUP, "Id", NULL);
  g_autofree char *module = g_key_file_get_string (keyfile, FILE_GROUP, "Module", NULL);
  g_autofree char *profile = g_key_file_get_string (keyfile, FILE_GROUP, "Profile", NULL);

  for (guint i = 0; needed[i] != NULL; i++)
    {
      g_autofree char *value = g_key_file_get_string (keyfile, FILE_GROUP, needed[i], NULL);

      if (value == NULL || value[0] == '\0')
        cepa_check_fail (check, "there is no %s in the group [Plugin]", needed[i]);
      else if (g_str_has_prefix (needed[i], "Abi") && !g_ascii_string_to_unsigned (value, 10, 0, 65535, NULL, NULL))
        cepa_check_fail (check, "%s is \"%s\", not a number", needed[i], value);
    }
  if (id != NULL && !file_is_id (id))
    cepa_check_fail (check, "Id is \"%s\", not a kind, a dot and a name of a-z, 0-9 and -", id);
  if (module != NULL)
    file_check_module (check, module);
  if (profile != NULL && strcmp (profile, "optional") != 0 && strcmp (profile, "disabled") != 0)
    cepa_check_fail (check, "Profile is \"%s\", neither optional nor disabled", profile);
  file_check_list (check, keyfile, "Requires");
  file_check_list (check, keyfile, "Wants");
}

static void
file_check_keyfile (CepaCheck *check)
{
  static const char *const known[] = { "Id", "Name", "Module", "AbiMajor", "AbiMinor", "Profile", "Requires", "Wants",
                                       "NeedsCountries", NULL };
  g_autoptr (GKeyFile) keyfile = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = NULL;

  if (!g_key_file_load_from_file (keyfile, check->keyfile, G_KEY_FILE_NONE, &error))
    {
      cepa_check_fail (check, "%s cannot be read: %s", check->keyfile, error->message);
      return;
    }
  file_check_values (check, keyfile);
  keys = g_key_file_get_keys (keyfile, FILE_GROUP, NULL, NULL);
  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    if (!g_strv_contains (known, keys[i]))
      cepa_check_note (check, "%s is a key that nobody reads", keys[i]);
}

static void
file_check_loads (CepaCheck *check)
{
  void *handle;

  cepa_check_begin_call (check, "dlopen");
  handle = dlopen (check->module, RTLD_NOW | RTLD_LOCAL);
  cepa_check_begin_call (check, "");
  if (handle == NULL)
    cepa_check_fail (check, "%s", dlerror ());
  else if (dlsym (handle, CEPA_PLUGIN_SYMBOL) == NULL)
    cepa_check_fail (check, "there is no symbol %s", CEPA_PLUGIN_SYMBOL);
}

const CepaCheckRule cepa_check_file_rules[] = {
  { "shared-object", file_check_object },
  { "one-symbol", file_check_symbol },
  { "no-constructor", file_check_constructor },
  { "no-undefined-symbols", file_check_undefined },
  { "keyfile", file_check_keyfile },
  { NULL, NULL },
};

const CepaCheckRule cepa_check_load_rules[] = { { "loads", file_check_loads }, { NULL, NULL } };
