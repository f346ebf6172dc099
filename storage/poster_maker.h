#pragma once

#include <functional>
#include <stop_token>

#include "core/clock.h"
#include "media/jpeg.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/volume.h"

namespace vedette {

// PosterMaker makes the pictures that lie beside clips: of the first frame that a clip shows, in its folder and under
// its name with .jpg. The catalog says which are wanted; one that lies there already is taken as it is, so that none is
// made twice after a kill. It decodes and waits for the disk: not for the main loop. Used by one thread at a time.
class PosterMaker {
 public:
  // Pictures are no wider: a page of clips shows them smaller, a player before its clip not much larger.
  static constexpr int kMostWidth = 960;

  // Without a volume, the layout is believed to lead to the right one. All that is lent outlives it.
  PosterMaker(const Layout& layout, Catalog& catalog, const Clock& clock, const Volume* volume = nullptr)
      : layout_(layout), catalog_(catalog), clock_(clock), volume_(volume) {}

  // All that are wanted, the newest clip first; `settled` is called after each. One that cannot be made is logged and
  // given up. An error: the disk or the catalog is not to be had, and what is left stays wanted, as it does at a stop.
  Status run(const std::stop_token& stop, const std::function<void()>& settled);

 private:
  Status settle(const Clip& clip, const std::stop_token& stop);
  // The bytes of the file, which is made if it is not there.
  Result<std::string> poster(const Clip& clip, const std::stop_token& stop) const;
  Status place(const std::string& bytes, const std::filesystem::path& file) const;
  Result<Jpeg> picture(const Clip& clip, const std::stop_token& stop) const;

  const Layout& layout_;
  Catalog& catalog_;
  const Clock& clock_;
  const Volume* const volume_;
};

}  // namespace vedette
