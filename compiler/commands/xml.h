// What pictures and pages need of XML.
#pragma once

#include <string>

namespace nnc {

// The text as it stands in an element or an attribute.
std::string escape_xml(const std::string& text);

}  // namespace nnc
