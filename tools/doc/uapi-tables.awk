# SPDX-License-Identifier: MIT
#
# The structs, enums and constants of a uapi header as tables of reStructuredText; see uapi-tables.
# Reads headers, then (from rst=1 on) a document whose generated parts it replaces. With asserts=1 it
# prints what a compiler can check the offsets with, with names=1 what there is to be documented.

function fail(what)
{
	printf "uapi-tables: %s:%d: %s\n", FILENAME, FNR, what >"/dev/stderr"
	failed = 1
	exit 1
}

# ---- reading a header ----

function trim(s)
{
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

function join(a, b)
{
	return a == "" ? b : b == "" ? a : a ~ /[.;:,]$/ ? a " " b : a "; " b
}

# A line of a comment, without the stars; what follows them keeps its indentation.
function comment_line(s)
{
	sub(/\*\/[ \t]*$/, "", s)
	sub(/^[ \t]*(\/\*+|\*)? ?/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

function flat(s)
{
	gsub(/[ \t\n]+/, " ", s)
	return trim(s)
}

function end_comment()
{
	if (trailing) {
		for (i = first_item; i < num_items[current]; i++)
			note[current, i] = join(note[current, i], flat(comment))
	} else {
		pending = comment ~ /^----/ ? "" : comment
	}
	in_comment = 0
}

function start_comment(s, is_trailing)
{
	trailing = is_trailing
	comment = comment_line(s)
	in_comment = 1
	if (s ~ /\*\/[ \t]*$/)
		end_comment()
}

function begin(kind, name)
{
	current = kind " " name
	order[num_things++] = current
	num_items[current] = 0
	about[current] = pending
	source[current] = FILENAME
	pending = ""
	at = 0
	align = 1
	union = 0
}

function number(s)
{
	s = trim(s)
	if (s in constant)
		return number(constant[s])
	if (s !~ /^[0-9]+$/)
		fail("what number is " s "?")
	return s + 0
}

function size_of(type)
{
	if (type ~ /^(__u8|char)$/)
		return 1
	if (type == "__u16")
		return 2
	if (type ~ /^(__u32|__s32|float)$/)
		return 4
	if (type == "__u64")
		return 8
	if (!(type in bytes))
		fail("how large is " type "?")
	return bytes[type]
}

function align_of(type)
{
	return (type in alignment) ? alignment[type] : size_of(type)
}

function add_item(name, value)
{
	i = num_items[current]++
	item[current, i] = name
	val[current, i] = value
	note[current, i] = flat(pending)
}

function add_field(type, declarator,    name, count, size)
{
	name = trim(declarator)
	count = 1
	if (match(name, /\[.*\]/)) {
		count = number(substr(name, RSTART + 1, RLENGTH - 2))
		name = substr(name, 1, RSTART - 1)
	}
	size = size_of(type) * count
	if (at % align_of(type))
		fail("implicit padding before " name)
	if (align_of(type) > align)
		align = align_of(type)
	add_item(name, at)
	typename[current, i] = type (count > 1 ? "[" count "]" : "")
	if (union)
		largest = size > largest ? size : largest
	else
		at += size
}

function struct_line(s,    n, i, type, parts)
{
	if (s ~ /^union \{/) {
		union = 1
		largest = 0
	} else if (s ~ /^\};/ && union) {
		union = 0
		at += largest
	} else if (s ~ /^\};/) {
		if (at % align)
			fail("implicit padding at the end of " current)
		bytes[current] = at
		alignment[current] = align
		context = ""
	} else if (s != "") {
		first_item = num_items[current]
		sub(/;$/, "", s)
		type = s ~ /^struct / ? "struct " substr(s, 8, index(substr(s, 8), " ") - 1) : substr(s, 1, index(s, " ") - 1)
		n = split(substr(s, length(type) + 1), parts, ",")
		for (i = 1; i <= n; i++)
			add_field(type, parts[i])
		pending = ""
	}
}

function enum_line(s,    name)
{
	if (s ~ /^\};/) {
		context = ""
		return
	}
	if (s == "")
		return
	first_item = num_items[current]
	sub(/,$/, "", s)
	name = s
	sub(/ *=.*/, "", name)
	if (s ~ /=/)
		next_value = trim(substr(s, index(s, "=") + 1)) + 0
	add_item(name, next_value)
	constant[name] = next_value++
	pending = ""
}

function define_line(s,    name, value)
{
	sub(/^#define /, "", s)
	match(s, /^[A-Za-z_0-9]+(\([a-z]+\))?/)
	name = substr(s, 1, RLENGTH)
	value = trim(substr(s, RLENGTH + 1))
	if (value == "")
		return
	if (value ~ /^loom_cmd_/) {
		about["struct " name] = pending
		pending = ""
		return
	}
	gsub(/^\(|\)$/, "", value)
	if (value ~ /\(/ && value !~ /\)$/)
		value = "(" value ")"
	current = "define " name
	order[num_things++] = current
	num_items[current] = 0
	first_item = 0
	add_item(name, value)
	source[current] = FILENAME
	constant[name] = value
	pending = ""
}

function code_line(s)
{
	s = trim(s)
	if (s == "")
		pending = ""
	if (context == "struct") {
		struct_line(s)
	} else if (context == "enum") {
		enum_line(s)
	} else if (s ~ /^struct [a-z_0-9]+ \{$/) {
		context = "struct"
		split(s, word, " ")
		begin("struct", word[2])
	} else if (s ~ /^enum [a-z_0-9]+ \{$/) {
		context = "enum"
		next_value = 0
		split(s, word, " ")
		begin("enum", word[2])
	} else if (s ~ /^#define /) {
		define_line(s)
	}
}

!rst {
	if (FNR == 1)
		pending = context = ""
	if (in_comment) {
		comment = comment "\n" comment_line($0)
		if ($0 ~ /\*\//)
			end_comment()
		if (!in_comment && !(FILENAME in intro))
			intro[FILENAME] = comment
		next
	}
	if ($0 ~ /^[ \t]*\/\*/) {
		start_comment($0, 0)
		next
	}
	if (match($0, /\/\*/)) {
		cut = RSTART
		code_line(substr($0, 1, cut - 1))
		start_comment(substr($0, cut), 1)
		next
	}
	code_line($0)
	next
}

# ---- writing a document ----

function escape(s)
{
	gsub(/[*|\\]/, "\\\\&", s)
	gsub(/_\\\*/, "\\_\\*", s)
	gsub(/`/, "``", s)
	gsub(/_ /, "\\_ ", s)
	return s
}

# A comment of several lines. What is indented after an empty line is shown as it is; indented right
# after another line it goes on with that, or is an entry of a list.
function print_about(text,    n, i, lines, was, indented)
{
	n = split(text, lines, "\n")
	was = "blank"
	for (i = 1; i <= n; i++) {
		indented = lines[i] ~ /^(\t|  )/
		if (trim(lines[i]) == "") {
			if (was != "blank")
				print ""
			was = was == "literal" ? was : "blank"
		} else if (indented && (was == "blank" || was == "literal")) {
			if (was == "blank")
				print "::\n"
			gsub(/\t/, "  ", lines[i])
			print "  " lines[i]
			was = "literal"
		} else if (lines[i] ~ /^ *- /) {
			if (was == "text")
				print ""
			print escape(trim(lines[i]))
			was = "list"
		} else {
			if (was == "list" && !indented)
				print ""
			print (was == "list" && indented ? "  " : "") escape(trim(lines[i]))
			was = was == "list" && indented ? was : "text"
		}
	}
	if (was != "blank")
		print ""
}

function dashes(n,    s)
{
	s = ""
	while (n-- > 0)
		s = s "="
	return s
}

function rule(cols, widths,    c, s)
{
	s = ""
	for (c = 1; c <= cols; c++)
		s = s (c > 1 ? "  " : "") dashes(widths[c])
	print s
}

# One row; the last column is wrapped.
function print_row(cols, widths, row,    c, s, n, words, w, line, first)
{
	s = ""
	for (c = 1; c < cols; c++)
		s = s sprintf("%-" widths[c] "s  ", row[c])
	first = s
	gsub(/./, " ", s)
	n = split(row[cols], words, " ")
	line = ""
	for (w = 1; w <= n; w++) {
		if (line != "" && length(line) + 1 + length(words[w]) > widths[cols]) {
			print first line
			first = s
			line = ""
		}
		line = line (line == "" ? "" : " ") words[w]
	}
	line = first line
	sub(/ +$/, "", line)
	print line
}

# Rows are in cell[row, column], the heads in row 0.
function print_table(cols, rows,    r, c, widths, row)
{
	for (c = 1; c < cols; c++)
		for (r = 0; r <= rows; r++)
			if (length(cell[r, c]) > widths[c])
				widths[c] = length(cell[r, c])
	widths[cols] = 98
	for (c = 1; c < cols; c++)
		widths[cols] -= widths[c] + 2
	rule(cols, widths)
	for (r = 0; r <= rows; r++) {
		for (c = 1; c <= cols; c++)
			row[c] = cell[r, c]
		print_row(cols, widths, row)
		if (!r)
			rule(cols, widths)
	}
	rule(cols, widths)
	print ""
}

function heads(a, b, c, d)
{
	cell[0, 1] = a
	cell[0, 2] = b
	cell[0, 3] = c
	cell[0, 4] = d
}

function print_struct(thing,    i)
{
	heads("offset", "type", "field", "meaning")
	for (i = 0; i < num_items[thing]; i++) {
		cell[i + 1, 1] = val[thing, i]
		cell[i + 1, 2] = typename[thing, i]
		cell[i + 1, 3] = item[thing, i]
		cell[i + 1, 4] = escape(note[thing, i])
	}
	print_table(4, num_items[thing])
	printf "%d bytes.\n\n", bytes[thing]
}

function print_enum(thing,    i, rows)
{
	heads("value", "name", "meaning")
	rows = 0
	for (i = 0; i < num_items[thing]; i++) {
		if (item[thing, i] ~ /_COUNT$/)
			continue
		rows++
		cell[rows, 1] = val[thing, i]
		cell[rows, 2] = item[thing, i]
		cell[rows, 3] = escape(note[thing, i])
	}
	print_table(3, rows)
}

function print_defines(prefix, file,    t, rows)
{
	heads("name", "value", "meaning")
	rows = 0
	for (t = 0; t < num_things; t++) {
		thing = order[t]
		if (index(thing, "define " prefix) != 1 || source[thing] !~ (file "$"))
			continue
		rows++
		cell[rows, 1] = item[thing, 0]
		cell[rows, 2] = escape(val[thing, 0])
		cell[rows, 3] = escape(note[thing, 0])
		used[thing] = 1
	}
	if (!rows)
		fail("no constant " prefix)
	print_table(3, rows)
}

function generate(what, file,    word, n)
{
	n = split(what, word, " ")
	if (word[1] == "about") {
		for (f in intro)
			if (f ~ (file "$"))
				print_about(intro[f])
		return
	}
	if (word[1] == "constants") {
		print_defines(word[2], file)
		return
	}
	if (word[1] == "alias") {
		print_about(about["struct " word[2]])
		return
	}
	if (!(what in num_items))
		fail("no " what)
	print_about(about[what])
	if (word[1] == "struct")
		print_struct(what)
	else
		print_enum(what)
}

# From ".. from HEADER: WHAT" to ".. end" is ours.
rst && skipping {
	if ($0 ~ /^\.\. end$/) {
		skipping = 0
		print
	}
	next
}

rst {
	print
	if ($0 ~ /^\.\. from [a-z_.]+: /) {
		what = $0
		sub(/^\.\. from [a-z_.]+: /, "", what)
		file = $3
		sub(/:$/, "", file)
		print ""
		generate(what, file)
		skipping = 1
	}
}

END {
	if (failed)
		exit 1
	if (skipping) {
		print "uapi-tables: " FILENAME ": a generated part has no end" >"/dev/stderr"
		exit 1
	}
	for (t = 0; (asserts || names) && t < num_things; t++) {
		thing = order[t]
		if (names && thing !~ /_H$/)
			print thing
		if (!asserts || thing !~ /^struct /)
			continue
		printf "_Static_assert(sizeof(%s) == %d, \"%s\");\n", thing, bytes[thing], thing
		for (i = 0; i < num_items[thing]; i++)
			printf "_Static_assert(offsetof(%s, %s) == %d, \"%s\");\n", thing, item[thing, i],
			       val[thing, i], thing " " item[thing, i]
	}
}
