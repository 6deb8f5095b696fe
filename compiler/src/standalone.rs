//! Programs that need nothing else installed: a runtime's executable with an image in it.
//!
//! The image becomes a section and a loadable segment of the executable (ELF), so that the system
//! maps it with the program, and tools such as `strip` keep it. The segment takes the place of the
//! one that lists notes in the program header table, which has no room to grow; the notes themselves
//! stay, and debuggers find them by their sections. The runtime learns from its own note where the
//! image lies ([`RuntimeNote`]).

use gene_format::image::intact_header;
use gene_format::layout::Header;
use gene_format::runtime_note::{RuntimeNote, built_in_header};
use object::elf::{
    FileHeader64, PF_R, PT_LOAD, PT_NOTE, ProgramHeader64, SHF_ALLOC, SHT_PROGBITS, SectionHeader64,
};
use object::pod::{bytes_of, bytes_of_slice};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{LittleEndian as LE, U16, U32, U64};

/// Name of the section.
const SECTION: &[u8] = b".gene.image\0";

/// Why a file is no runtime for an image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Not an executable that can take an image.
    #[error("it is no gene-vm for Linux on a 64-bit little-endian machine: {0}")]
    NotARuntime(&'static str),
    /// It has an image already.
    #[error("it is a standalone program itself; a plain gene-vm is needed")]
    Standalone,
    /// It would not run the image.
    #[error(
        "it runs images of version {found}{abi}, and not of {wanted}, which this compiler makes; take the gene-vm that was built with it"
    )]
    Version {
        /// Its version.
        found: String,
        /// That it has other instructions, if so.
        abi: &'static str,
        /// The image's version.
        wanted: String,
    },
    /// The result would be too large.
    #[error("the executable would be too large")]
    TooLarge,
}

fn bad(what: &'static str) -> impl Fn(object::read::Error) -> RuntimeError {
    move |_| RuntimeError::NotARuntime(what)
}

/// The runtime's executable with the image in it.
///
/// # Errors
///
/// The runtime is something else, or would not run the image.
pub fn executable(runtime: &[u8], image: &[u8]) -> Result<Vec<u8>, RuntimeError> {
    let header = FileHeader64::<LE>::parse(runtime).map_err(bad("no ELF file of this kind"))?;
    let segments = header.program_headers(LE, runtime);
    let segments = segments.map_err(bad("damaged"))?;
    let (note_at, note_address) = note(segments, runtime)?;
    check_version(runtime, image)?;

    let loads = || segments.iter().filter(|one| one.p_type(LE) == PT_LOAD);
    let align = loads().map(|one| one.p_align(LE)).max().unwrap_or(0);
    let end = loads().map(|one| one.p_vaddr(LE).checked_add(one.p_memsz(LE)));
    let end = end.max().flatten().ok_or(RuntimeError::TooLarge)?;
    if !align.is_power_of_two() || align > 1 << 20 {
        return Err(RuntimeError::NotARuntime("segments of a strange alignment"));
    }
    let address = end.checked_next_multiple_of(align);
    let address = address.ok_or(RuntimeError::TooLarge)?;

    let mut out = runtime.to_vec();
    out.resize(out.len().next_multiple_of(align as usize), 0);
    let length = image.len() as u64;
    let segment = ProgramHeader64 {
        p_type: U32::new(LE, PT_LOAD),
        p_flags: U32::new(LE, PF_R),
        p_offset: U64::new(LE, out.len() as u64),
        p_vaddr: U64::new(LE, address),
        p_paddr: U64::new(LE, address),
        p_filesz: U64::new(LE, length),
        p_memsz: U64::new(LE, length),
        p_align: U64::new(LE, align),
    };
    out.extend_from_slice(image);

    // Loadable segments ascend, so the new one goes behind the last of them.
    let mut table = segments.to_vec();
    let is = |kind| move |one: &ProgramHeader64<LE>| one.p_type(LE) == kind;
    let notes = table.iter().rposition(is(PT_NOTE));
    table.remove(notes.ok_or(RuntimeError::NotARuntime("it lists no notes"))?);
    let last = table.iter().rposition(is(PT_LOAD));
    table.insert(last.map_or(0, |last| last + 1), segment);
    put(&mut out, header.e_phoff(LE), bytes_of_slice(&table))?;

    let filled = RuntimeNote::of_image(address.wrapping_sub(note_address), length);
    put(&mut out, note_at, filled.bytes())?;
    add_section(&mut out, header, runtime, &segment)?;
    Ok(out)
}

/// Where the runtime's empty note is: in the file, and in memory.
fn note(segments: &[ProgramHeader64<LE>], runtime: &[u8]) -> Result<(u64, u64), RuntimeError> {
    const EMPTY: RuntimeNote = RuntimeNote::EMPTY;
    let empty = EMPTY.bytes();
    for segment in segments.iter().filter(|one| one.p_type(LE) == PT_NOTE) {
        let bytes = segment.data(LE, runtime);
        let bytes = bytes.map_err(|()| RuntimeError::NotARuntime("damaged"))?;
        let at = bytes.windows(empty.len()).position(|found| found == empty);
        if let Some(at) = at {
            let at = at as u64;
            let address = segment.p_vaddr(LE).wrapping_add(at);
            return Ok((segment.p_offset(LE) + at, address));
        }
    }
    // Its notes are no longer listed once it has an image.
    let head = &empty[..20];
    match memchr::memmem::find(runtime, head).is_some() {
        true => Err(RuntimeError::Standalone),
        false => Err(RuntimeError::NotARuntime(
            "it has no note of a Gene runtime",
        )),
    }
}

fn check_version(runtime: &[u8], image: &[u8]) -> Result<(), RuntimeError> {
    let missing = RuntimeError::NotARuntime("its built-in functions are missing");
    let own = built_in_header(runtime).ok_or(missing)?;
    let image = intact_header(image).ok_or(RuntimeError::NotARuntime("there is no image"))?;
    let version = |header: &Header| (header.major.get(), header.minor.get());
    let (found, wanted) = (version(own), version(image));
    if found.0 == wanted.0 && found.1 >= wanted.1 && own.abi == image.abi {
        return Ok(());
    }
    let text = |(major, minor): (u16, u16)| format!("{major}.{minor}");
    Err(RuntimeError::Version {
        found: text(found),
        abi: match own.abi == image.abi {
            true => "",
            false => " with other instructions",
        },
        wanted: text(wanted),
    })
}

/// Replaces bytes of the file.
fn put(out: &mut [u8], at: u64, bytes: &[u8]) -> Result<(), RuntimeError> {
    let place = usize::try_from(at).ok();
    let place = place.and_then(|at| out.get_mut(at..at.checked_add(bytes.len())?));
    let place = place.ok_or(RuntimeError::NotARuntime("damaged"))?;
    place.copy_from_slice(bytes);
    Ok(())
}

/// Adds a section for the segment, behind everything: a copy of the table of names with one more,
/// and one of the section table. Executables without sections have no need of it.
fn add_section(
    out: &mut Vec<u8>,
    header: &FileHeader64<LE>,
    runtime: &[u8],
    segment: &ProgramHeader64<LE>,
) -> Result<(), RuntimeError> {
    let sections = header.section_headers(LE, runtime);
    let sections = sections.map_err(bad("damaged"))?;
    if sections.is_empty() {
        return Ok(());
    }
    let names_index = header.shstrndx(LE, runtime).map_err(bad("damaged"))? as usize;
    let damaged = RuntimeError::NotARuntime("damaged");
    let mut table = sections.to_vec();
    let names = table.get_mut(names_index).ok_or(damaged.clone())?;
    let start = names.sh_offset.get(LE) as usize;
    let old = start
        .checked_add(names.sh_size.get(LE) as usize)
        .and_then(|end| runtime.get(start..end))
        .ok_or(damaged.clone())?;
    let name = u32::try_from(old.len()).map_err(|_| damaged.clone())?;
    names.sh_offset = U64::new(LE, out.len() as u64);
    names.sh_size = U64::new(LE, (old.len() + SECTION.len()) as u64);
    out.extend_from_slice(old);
    out.extend_from_slice(SECTION);
    table.push(SectionHeader64 {
        sh_name: U32::new(LE, name),
        sh_type: U32::new(LE, SHT_PROGBITS),
        sh_flags: U64::new(LE, SHF_ALLOC),
        sh_addr: segment.p_vaddr,
        sh_offset: segment.p_offset,
        sh_size: segment.p_filesz,
        sh_link: U32::new(LE, 0),
        sh_info: U32::new(LE, 0),
        sh_addralign: segment.p_align,
        sh_entsize: U64::new(LE, 0),
    });
    let count = u16::try_from(table.len()).map_err(|_| RuntimeError::TooLarge)?;
    out.resize(out.len().next_multiple_of(8), 0);
    let mut header = *header;
    header.e_shoff = U64::new(LE, out.len() as u64);
    header.e_shnum = U16::new(LE, count);
    out.extend_from_slice(bytes_of_slice(&table));
    put(out, 0, bytes_of(&header))
}
