//! Reading the symbols of a static library of ELF object files.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use object::elf::{SHF_TLS, SHF_WRITE};
use object::read::archive::ArchiveFile;
use object::{
    File, Object, ObjectSection, ObjectSymbol, Section, SectionFlags, SectionKind, SymbolKind, SymbolSection,
};

use super::{Place, Symbol};

/// Every variable that can be written, also `static` ones, and every symbol that the library itself does not define.
pub(super) fn symbols(archive: &[u8]) -> Result<Vec<Symbol>> {
    let mut symbols = Vec::new();
    let mut defined = BTreeSet::new();
    for member in ArchiveFile::parse(archive)?.members() {
        let member = member?;
        let name = object_name(&String::from_utf8_lossy(member.name())).to_owned();
        let file = File::parse(member.data(archive)?).with_context(|| format!("failed to read its {name}"))?;
        symbols.extend(variables(&file, &name)?);
        symbols.extend(references(&file, &name)?);
        for symbol in file.symbols().filter(|symbol| symbol.is_global() && !symbol.is_undefined()) {
            defined.insert(symbol.name()?);
        }
    }
    symbols.retain(|symbol| symbol.place != Place::Libc || !defined.contains(symbol.name.as_str()));
    for symbol in &mut symbols {
        symbol.name = plain(&symbol.name, symbol.place).to_owned();
    }
    Ok(symbols)
}

fn variables(file: &File<'_>, object: &str) -> Result<Vec<Symbol>> {
    let mut variables = Vec::new();
    let variable = |name: String, place| Symbol { object: object.to_owned(), name, place };
    for symbol in file.symbols().filter(is_common) {
        variables.push(variable(symbol.name()?.to_owned(), Place::Bss));
    }
    for section in file.sections() {
        let Some(place) = writable(&section)? else { continue };
        let inside =
            file.symbols().filter(|symbol| symbol.section_index() == Some(section.index()) && is_named(symbol));
        let names: Vec<_> = inside.map(|symbol| symbol.name()).collect::<Result<_, _>>()?;
        if names.is_empty() && section.size() > 0 {
            variables.push(variable(format!("(nameless, in {})", section.name()?), place));
        }
        variables.extend(names.into_iter().map(|name| variable(name.to_owned(), place)));
    }
    Ok(variables)
}

fn references(file: &File<'_>, object: &str) -> Result<Vec<Symbol>> {
    let undefined = file.symbols().filter(|symbol| symbol.is_undefined() && is_named(symbol));
    let reference = |name: &str| Symbol { object: object.to_owned(), name: name.to_owned(), place: Place::Libc };
    undefined.map(|symbol| Ok(reference(symbol.name()?))).collect()
}

/// A variable without a first value for which the linker is to find room.
fn is_common<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    symbol.section() == SymbolSection::Common
}

/// Neither the symbol of a section itself nor one of the marks (`$d`) between code and data on ARM.
fn is_named<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    let names = !matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File);
    names && symbol.name_bytes().is_ok_and(|name| !name.is_empty() && !name.starts_with(b"$"))
}

/// The place of the variables of a section, if they can be written while the program runs.
fn writable(section: &Section<'_, '_>) -> Result<Option<Place>> {
    let SectionFlags::Elf { sh_flags } = section.flags() else {
        bail!("not an ELF object file");
    };
    // The loader writes `.data.rel.ro`, which holds constants with addresses, and then makes it read-only.
    let is_constant = section.name()?.starts_with(".data.rel.ro");
    if sh_flags & u64::from(SHF_WRITE) == 0 || is_constant {
        return Ok(None);
    }
    let is_zero = matches!(section.kind(), SectionKind::UninitializedData | SectionKind::UninitializedTls);
    let is_thread_local = sh_flags & u64::from(SHF_TLS) != 0;
    Ok(Some(match (is_thread_local, is_zero) {
        (false, false) => Place::Data,
        (false, true) => Place::Bss,
        (true, false) => Place::ThreadData,
        (true, true) => Place::ThreadBss,
    }))
}

/// `quickjs.o`, of `574d5a55758aae73-quickjs.o`: the build script puts a hash of the path before it.
fn object_name(member: &str) -> &str {
    match member.split_once('-') {
        Some((hash, name)) if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => member,
    }
}

/// The name in the source: a compiler numbers the `static` variables in functions (`cache.8`),
/// and a C library with checks spells `printf` as `__printf_chk`.
fn plain(name: &str, place: Place) -> &str {
    if place == Place::Libc {
        let checked = name.strip_prefix("__").and_then(|name| name.strip_suffix("_chk"));
        return checked.unwrap_or(name);
    }
    match name.rsplit_once('.') {
        Some((source, number)) if !source.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => source,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use expect_test::expect;

    use super::*;

    /// One of each kind, and what must not be told: constants, own functions and what no section keeps.
    #[cfg(target_os = "linux")]
    const SOURCE: &str = r#"
        #include <stdlib.h>
        static int valued = 1;
        static int zeroed;
        int tentative __attribute__((common));
        static _Thread_local int of_thread = 1;
        static _Thread_local int of_thread_zeroed;
        static int table[] __attribute__((section(".data.special"))) = { 1 };
        __asm__(".section .data.bare, \"aw\"\n.quad 7\n.previous\n");
        static const int constant = 3;
        static void *const constant_with_address[] = { &zeroed };
        static int count(void) { static int inside; return ++inside; }
        int elsewhere(void);
        void *own(void);
        void *own(void) { return malloc(count() + valued++ + zeroed++ + of_thread++ + of_thread_zeroed++ + table[0]++); }
        int use(int i) { return own() == constant_with_address[i] ? tentative++ + constant : elsewhere(); }
        int use_again(void) { return use(0); }
    "#;

    #[cfg(target_os = "linux")]
    fn compile(source: &str) -> Vec<u8> {
        use std::{env, fs, process};

        let directory = env::temp_dir().join(format!("isolet-xtask-symbols-{}", process::id()));
        fs::create_dir_all(&directory).expect("a directory for the compiler");
        fs::write(directory.join("a.c"), source).expect("a file in it");
        let mut cc = process::Command::new("cc");
        let status = cc.args(["-O0", "-fPIC", "-c", "a.c", "-o", "a.o"]).current_dir(&directory).status();
        let object = fs::read(directory.join("a.o"));
        fs::remove_dir_all(&directory).expect("the directory is ours");
        assert!(status.expect("the compiler that builds the engine").success());
        object.expect("what it wrote")
    }

    /// An archive with the one object file.
    fn archive(name: &str, object: &[u8]) -> Vec<u8> {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, object.len());
        [b"!<arch>\n", header.as_bytes(), object].concat()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_compiler_writes_is_read() {
        let mut found = symbols(&archive("0123-a.o/", &compile(SOURCE))).expect("an archive of an ELF object");
        found.retain(|symbol| symbol.name != "_GLOBAL_OFFSET_TABLE_" && symbol.name != "__tls_get_addr");
        found.sort_by(|a, b| (a.place, &a.name).cmp(&(b.place, &b.name)));
        let lines: Vec<_> =
            found.iter().map(|found| format!("{} {} {}", found.object, found.place, found.name)).collect();
        expect![[r#"
            a.o .data (nameless, in .data.bare)
            a.o .data table
            a.o .data valued
            a.o .bss inside
            a.o .bss tentative
            a.o .bss zeroed
            a.o .tdata of_thread
            a.o .tbss of_thread_zeroed
            a.o libc elsewhere
            a.o libc malloc"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_is_no_library_of_object_files_is_refused() {
        assert!(symbols(b"").is_err());
        assert!(symbols(b"!<arch>").is_err());
        assert!(symbols(&archive("a.o/", b"no object at all")).is_err());
    }

    #[test]
    fn names_are_those_of_the_source() {
        for (name, place, expected) in [
            ("cache.8", Place::Bss, "cache"),
            ("cache", Place::Bss, "cache"),
            (".8", Place::Data, ".8"),
            ("cache.x8", Place::Data, "cache.x8"),
            ("__printf_chk", Place::Libc, "printf"),
            ("__stack_chk_fail", Place::Libc, "__stack_chk_fail"),
            ("printf", Place::Libc, "printf"),
            ("__printf_chk", Place::Data, "__printf_chk"),
        ] {
            assert_eq!(plain(name, place), expected, "{name}");
        }
        for (member, expected) in
            [("574d5a55758aae73-quickjs.o", "quickjs.o"), ("quickjs.o", "quickjs.o"), ("quick-js.o", "quick-js.o")]
        {
            assert_eq!(object_name(member), expected);
        }
    }
}
