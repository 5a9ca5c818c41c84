/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stranger's program in C++, built against the installed library: the header
 * is C++ as well, its functions have C linkage, and a model can be made.
 */
#include <iostream>
#include <memory>
#include <string>

#include <notrack.h>

int main()
{
	const std::string version = notrack_version();
	const std::unique_ptr<struct notrack, decltype(&notrack_free)>
		nt(notrack_new(), notrack_free);

	if (version.empty() || !nt) {
		std::cerr << "no version, or no context\n";
		return 1;
	}

	struct notrack_service service = {};
	service.size = sizeof(service);
	service.name = "dns";
	if (notrack_add_service(nt.get(), &service) < 0) {
		std::cerr << notrack_error(nt.get()) << '\n';
		return 1;
	}
	std::cout << "C++: libnotrack " << version << '\n';
	return 0;
}
