#pragma once

namespace vedette::test {

// Stands before the system's getaddrinfo() in this program: the name "slow.test" is not answered as long as one of
// these lives, as with a name server that is away.
class SlowResolver {
 public:
  SlowResolver();
  ~SlowResolver();
  // Whether somebody has begun to ask for the name, now or within some seconds.
  bool is_asked() const;
};

}  // namespace vedette::test
