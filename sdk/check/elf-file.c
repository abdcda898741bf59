/* SPDX-License-Identifier: BSD-3-Clause */
#include "elf-file.h"

#include <cepa/error.h>
#include <elf.h>
#include <link.h>
#include <string.h>

/* A file in memory. */
typedef struct
{
  const char *data;
  gsize len;
  const ElfW (Ehdr) *header;
  const ElfW (Shdr) *sections;
} ElfFile;

static gboolean
elf_refuse (GError **error, const char *what)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "it is not a shared object for this machine: %s", what);
  return FALSE;
}

/* Returns: (nullable): @n things of @size bytes at @offset; NULL when they are not all in the file. */
static gconstpointer
elf_get (const ElfFile *self, guint64 offset, guint64 n, gsize size)
{
  if (offset > self->len || n > (self->len - offset) / size)
    return NULL;
  return self->data + offset;
}

static gboolean
elf_open (ElfFile *self, GError **error)
{
  const unsigned char class = sizeof (gpointer) == 8 ? ELFCLASS64 : ELFCLASS32;

  self->header = elf_get (self, 0, 1, sizeof *self->header);
  if (self->header == NULL || memcmp (self->header->e_ident, ELFMAG, SELFMAG) != 0)
    return elf_refuse (error, "it has no ELF header");
  if (self->header->e_ident[EI_CLASS] != class)
    return elf_refuse (error, "it is for another word size");
  if (self->header->e_type != ET_DYN)
    return elf_refuse (error, "it was not linked with -shared");
  if (self->header->e_shentsize != sizeof (ElfW (Shdr)))
    return elf_refuse (error, "it has no sections");
  self->sections = elf_get (self, self->header->e_shoff, self->header->e_shnum, sizeof (ElfW (Shdr)));
  if (self->sections == NULL || self->header->e_shnum == 0)
    return elf_refuse (error, "its sections are not all there");
  return TRUE;
}

/* Returns: (nullable): the first section of @type. */
static const ElfW (Shdr) *
elf_find_section (const ElfFile *self, guint32 type)
{
  for (guint i = 0; i < self->header->e_shnum; i++)
    if (self->sections[i].sh_type == type)
      return &self->sections[i];
  return NULL;
}

/* Returns: the string at @offset of the strings that @section links to; "" where there is none. */
static const char *
elf_get_string (const ElfFile *self, const ElfW (Shdr) *section, guint64 offset)
{
  const ElfW (Shdr) *strings;
  const char *text;

  if (section->sh_link >= self->header->e_shnum)
    return "";
  strings = &self->sections[section->sh_link];
  text = elf_get (self, strings->sh_offset, strings->sh_size, 1);
  if (text == NULL || offset >= strings->sh_size || memchr (text + offset, 0, strings->sh_size - offset) == NULL)
    return "";
  return text + offset;
}

static const ElfW (Sym) *
elf_get_symbols (const ElfFile *self, const ElfW (Shdr) *section, gsize *n)
{
  const ElfW (Sym) *symbols = NULL;

  *n = section != NULL ? section->sh_size / sizeof (ElfW (Sym)) : 0;
  if (section != NULL)
    symbols = elf_get (self, section->sh_offset, *n, sizeof (ElfW (Sym)));
  if (symbols == NULL)
    *n = 0;
  return symbols;
}

static gboolean
elf_is_of_sanitizer (const char *name)
{
  static const char *const prefixes[] = { "__asan_",  "__odr_asan", "__ubsan_",    "__tsan_",
                                          "__lsan_", "__msan_",    "__sanitizer_" };

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (name, prefixes[i]))
      return TRUE;
  return FALSE;
}

static void
elf_read_symbols (const ElfFile *self, CepaElf *elf)
{
  const ElfW (Shdr) *section = elf_find_section (self, SHT_DYNSYM);
  gsize n;
  const ElfW (Sym) *symbols = elf_get_symbols (self, section, &n);

  for (gsize i = 1; i < n; i++)
    {
      const char *name = elf_get_string (self, section, symbols[i].st_name);
      guint bind = symbols[i].st_info >> 4, visibility = symbols[i].st_other & 3;

      if (elf_is_of_sanitizer (name))
        elf->is_sanitized = TRUE;
      else if (symbols[i].st_shndx != SHN_UNDEF && bind != STB_LOCAL && visibility != STV_HIDDEN
               && visibility != STV_INTERNAL)
        g_ptr_array_add (elf->exported, g_strdup (name));
      else if (symbols[i].st_shndx == SHN_UNDEF && bind == STB_GLOBAL)
        g_ptr_array_add (elf->imported, g_strdup (name));
    }
}

static void
elf_read_libraries (const ElfFile *self, CepaElf *elf)
{
  const ElfW (Shdr) *section = elf_find_section (self, SHT_DYNAMIC);
  gsize n = section != NULL ? section->sh_size / sizeof (ElfW (Dyn)) : 0;
  const ElfW (Dyn) *items = section != NULL ? elf_get (self, section->sh_offset, n, sizeof (ElfW (Dyn))) : NULL;

  for (gsize i = 0; items != NULL && i < n && items[i].d_tag != DT_NULL; i++)
    if (items[i].d_tag == DT_NEEDED)
      g_ptr_array_add (elf->libraries, g_strdup (elf_get_string (self, section, items[i].d_un.d_val)));
}

/* Returns: the address that the loader will write at @place; 0 when it is not known. */
static guint64
elf_find_relocation (const ElfFile *self, guint64 place)
{
  for (guint i = 0; i < self->header->e_shnum; i++)
    {
      const ElfW (Shdr) *section = &self->sections[i];
      gsize n = section->sh_size / sizeof (ElfW (Rela));
      const ElfW (Rela) *items;

      if (section->sh_type != SHT_RELA)
        continue;
      items = elf_get (self, section->sh_offset, n, sizeof (ElfW (Rela)));
      for (gsize j = 0; items != NULL && j < n; j++)
        if (items[j].r_offset == place)
          return (guint64) items[j].r_addend;
    }
  return 0;
}

/* Returns: (nullable): the name of the function at @address, where the file has not been stripped. */
static const char *
elf_find_function (const ElfFile *self, guint64 address)
{
  const ElfW (Shdr) *section = elf_find_section (self, SHT_SYMTAB);
  gsize n;
  const ElfW (Sym) *symbols = elf_get_symbols (self, section, &n);

  for (gsize i = 1; i < n && address != 0; i++)
    if (symbols[i].st_value == address && (symbols[i].st_info & 15) == STT_FUNC)
      return elf_get_string (self, section, symbols[i].st_name);
  return NULL;
}

/* The C runtime puts one function into each of .init_array and .fini_array. */
static void
elf_read_array (const ElfFile *self, CepaElf *elf, guint32 type, const char *of_runtime)
{
  const ElfW (Shdr) *section = elf_find_section (self, type);
  gsize n = section != NULL ? section->sh_size / sizeof (gpointer) : 0;
  gboolean has_runtime = FALSE;

  for (gsize i = 0; i < n; i++)
    {
      const char *name = elf_find_function (self, elf_find_relocation (self, section->sh_addr + i * sizeof (gpointer)));

      if (!has_runtime && (name == NULL || strcmp (name, of_runtime) == 0))
        has_runtime = TRUE;
      else
        g_ptr_array_add (elf->constructors, g_strdup (name != NULL ? name : "a function without a name"));
    }
}

CepaElf *
cepa_elf_read (const char *path, GError **error)
{
  g_autoptr (GMappedFile) mapped = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (CepaElf) elf = NULL;
  ElfFile file = { NULL };

  if (mapped == NULL || g_mapped_file_get_length (mapped) == 0)
    {
      elf_refuse (error, mapped == NULL ? "it cannot be read" : "it is empty");
      return NULL;
    }
  file.data = g_mapped_file_get_contents (mapped);
  file.len = g_mapped_file_get_length (mapped);
  if (!elf_open (&file, error))
    return NULL;
  elf = g_new0 (CepaElf, 1);
  elf->exported = g_ptr_array_new_with_free_func (g_free);
  elf->imported = g_ptr_array_new_with_free_func (g_free);
  elf->libraries = g_ptr_array_new_with_free_func (g_free);
  elf->constructors = g_ptr_array_new_with_free_func (g_free);
  elf_read_symbols (&file, elf);
  elf_read_libraries (&file, elf);
  elf_read_array (&file, elf, SHT_INIT_ARRAY, "frame_dummy");
  elf_read_array (&file, elf, SHT_FINI_ARRAY, "__do_global_dtors_aux");
  return g_steal_pointer (&elf);
}

void
cepa_elf_free (CepaElf *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->exported);
  g_ptr_array_unref (self->imported);
  g_ptr_array_unref (self->libraries);
  g_ptr_array_unref (self->constructors);
  g_free (self);
}
