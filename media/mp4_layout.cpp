#include "media/mp4_layout.h"

#include <algorithm>
#include <string>

#include "core/file.h"

namespace vedette::mp4 {

namespace {

constexpr int64_t kMostInitMoovBytes = 16 << 20;  // metadata included; what is longer is damage

tl::unexpected<Error> not_ours(std::string_view what) {
  return fail(Code::invalid_argument, "no recording of Vedette: " + std::string(what));
}

Result<BoxPlace> expect_box(int fd, int64_t at, int64_t limit, std::initializer_list<FourCc> types) {
  const auto box = read_box_place(fd, at, limit);
  if (!box) return box.error_as_is();
  if (!*box || std::find(types.begin(), types.end(), (*box)->type) == types.end())
    return not_ours("unexpected box at byte " + std::to_string(at));
  return **box;
}

// Where the recorded boxes begin in a final file: behind the header of its mdat.
Result<int64_t> recorded_in_final(int fd, const BoxPlace& moov, int64_t limit) {
  auto box = expect_box(fd, moov.end(), limit, {fourcc("free"), fourcc("mdat")});
  if (box && box->type == fourcc("free")) box = expect_box(fd, box->end(), limit, {fourcc("mdat")});
  if (!box) return box.error_as_is();
  return box->body();
}

Status read_init(int fd, Layout& layout) {
  const auto moov = expect_box(fd, layout.recorded, layout.file_size, {fourcc("moov")});
  if (!moov) return moov.error_as_is();
  if (moov->size > kMostInitMoovBytes) return not_ours("its header is too long");
  layout.fragments = moov->end();
  layout.init_moov.resize(static_cast<size_t>(moov->size));
  const auto n = file::read_at(fd, layout.init_moov, moov->begin);
  if (!n) return n.error_as_is();
  auto facts = read_init_moov(layout.init_moov);
  if (!facts) return facts.error_as_is();
  layout.facts = std::move(*facts);
  return {};
}

}  // namespace

Result<Layout> read_layout(int fd) {
  Layout layout;
  const auto size = file::size(fd);
  if (!size) return size.error_as_is();
  layout.file_size = *size;
  const auto ftyp = expect_box(fd, 0, *size, {fourcc("ftyp")});
  if (!ftyp) return ftyp.error_as_is();
  layout.head = ftyp->end();
  const auto head = expect_box(fd, layout.head, *size, {fourcc("free"), fourcc("moov")});
  if (!head) return head.error_as_is();
  layout.final = head->type == fourcc("moov");
  layout.recorded = head->end();
  if (layout.final) {
    const auto recorded = recorded_in_final(fd, *head, *size);
    if (!recorded) return recorded.error_as_is();
    layout.recorded = *recorded;
  }
  if (auto status = read_init(fd, layout); !status) return status.error_as_is();
  return layout;
}

}  // namespace vedette::mp4
