// SPDX-License-Identifier: GPL-2.0
/*
 * key=value text (RFC 7143 6.1).
 */
#include "raw.h"

/**
 * text_add_raw() - append bytes
 * @t: the text
 * @bytes: what to append
 * @len: how many bytes
 */
void text_add_raw(struct text *t, const void *bytes, u32 len)
{
	if (t->len + len > t->size) {
		t->size = (t->len + len) * 2;
		t->buf = realloc(t->buf, t->size);
		if (!t->buf)
			die("no memory for %u bytes", t->size);
	}
	if (len)
		memcpy(t->buf + t->len, bytes, len);
	t->len += len;
}

/**
 * text_add() - append one formatted pair and its NUL
 * @t: the text
 * @fmt: "key=value"
 */
void text_add(struct text *t, const char *fmt, ...)
{
	char pair[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(pair, sizeof(pair), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(pair))
		die("pair too long");
	text_add_raw(t, pair, n + 1);
}

/**
 * text_add_keys() - append pairs
 * @t: the text
 * @keys: pairs separated by blanks, or NULL
 */
void text_add_keys(struct text *t, const char *keys)
{
	while (keys && *keys) {
		size_t n = strcspn(keys, " ");

		if (n) {
			text_add_raw(t, keys, n);
			text_add_raw(t, "", 1);
		}
		keys += n + (keys[n] == ' ');
	}
}

static const char *text_next(const char *p, const char *end)
{
	const char *nul = memchr(p, 0, end - p);

	if (!nul)
		die("B16: text of the target does not end with NUL");
	if (!memchr(p, '=', nul - p))
		die("B16: text of the target without '=': %s", p);
	return nul + 1;
}

static const char *text_find(const void *buf, u32 len, const char *key,
			     u32 *count)
{
	const char *p = buf, *end = p + len, *found = NULL, *next;
	size_t n = strlen(key);

	*count = 0;
	for (; p < end; p = next) {
		next = text_next(p, end);
		if (strncmp(p, key, n) || p[n] != '=')
			continue;
		found = p + n + 1;
		++*count;
	}
	return found;
}

/**
 * text_get() - value of a key, the last one if it is there more than once
 * @buf: complete text, every pair ended with NUL
 * @len: its length
 * @key: the key
 *
 * Return: the value or NULL.
 */
const char *text_get(const void *buf, u32 len, const char *key)
{
	u32 count;

	return text_find(buf, len, key, &count);
}

/**
 * text_count() - how often a key is there
 * @buf: complete text
 * @len: its length
 * @key: the key
 */
u32 text_count(const void *buf, u32 len, const char *key)
{
	u32 count;

	text_find(buf, len, key, &count);
	return count;
}
