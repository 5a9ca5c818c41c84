# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for notrackctl(8)

_notrackctl_services()
{
	notrackctl -w 0 show 2>/dev/null | sed -n 's/^\[service \(.*\)\]$/\1/p' | sort -u
}

_notrackctl_clients()
{
	notrackctl -w 0 stats -o SERVICE,CLIENT --noheadings --raw 2>/dev/null |
		awk -v service="$1" '$1 == service && $2 { print $2 }'
}

_notrackctl()
{
	local builtin='dns dns-auth dot doq syslog syslog-tls ntp http https quic radius snmp-trap'
	local commands='add del limit unlimit apply watch show stats top advise flush-tracked clear
		doctor verify'
	local everywhere='-4 -6 --ipv4 --ipv6 --netns --backend -w --wait --json -h --help -V
		--version'
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local command='' service='' words='' count=0 i

	# the command, its first word, and how many words it has before this one
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--netns | --backend | -w | --wait | --ports | --proto | --role | --from | --local | \
		--remote | --interface | --reply-ports | --twins | --above | --burst | --srcmask | --htable-* | \
		--watch | -o | --output | --by | -n | --number | --threshold | --times | --seconds)
			((i++)) ;;
		-?*) ;;
		*)
			if [[ -z $command ]]; then
				command=${COMP_WORDS[i]}
			else
				((count++)) || service=${COMP_WORDS[i]}
			fi ;;
		esac
	done

	case $prev in
	--netns) words=$(ls /run/netns 2>/dev/null) ;;
	--backend) words='auto legacy nft' ;;
	--interface) words=$(ls /sys/class/net 2>/dev/null) ;;
	--proto) words='udp tcp udp,tcp sctp udplite' ;;
	--role) words='inbound outbound both' ;;
	--twins) words='auto none' ;;
	--above) words='1/sec 10/sec 100/sec 1/min 10/min 1/hour 1/day' ;;
	--by) words='port source service client' ;;
	-o | --output)
		[[ $command != top ]] || words='PROTOCOL PORT SOURCE SERVICE ENTRIES SHARE BAR ABOVE
			BURST LEFT OVER EXPIRES'
		[[ $command == top ]] || words='SERVICE FAMILY UNTRACKED UNTRACKED/S UNTRACKED-BYTES ACCEPTED ACCEPTED/S
			ACCEPTED-BYTES CLIENT SEEN SEEN/S SEEN-BYTES PASSED PASSED/S PASSED-BYTES
			DROPPED DROPPED/S DROPPED-BYTES'
		[[ $command != verify ]] ||
			words='SERVICE FAMILY PROTOCOL ROLE PACKET HOOK INTERFACE UNTRACKED VERDICT BY' ;;
	-w | --wait | --ports | --from | --local | --remote | --reply-ports | --burst | --srcmask | \
	--htable-* | --watch | -n | --number | --threshold | --times | --seconds)
		return ;;
	*)
		case $command in
		add) words='--ports --proto --role --from --local --remote --interface --reply-ports
			--classic --no-icmp-errors --twins --force --flush-tracked' ;;
		limit) words='--above --burst --srcmask --htable-max --htable-size --htable-expire' ;;
		apply) words='--dry-run --force --flush-tracked' ;;
		watch) words='--force' ;;
		show) words='--rules' ;;
		top) words='--by -n --number --srcmask --watch -o --output --noheadings --raw' ;;
		advise) words='--threshold --times --seconds' ;;
		stats) words='--prometheus --watch -o --output --noheadings --raw' ;;
		verify) words='--explain -o --output --noheadings --raw' ;;
		esac
		words="$everywhere $words"
		[[ $cur == -* ]] || case $command:$count in
		:0) words=$commands ;;
		add:0) words=$(printf "%s\n" $builtin $(_notrackctl_services) | sort -u) ;;
		del:0 | limit:0 | unlimit:0 | top:0 | verify:0) words=$(_notrackctl_services) ;;
		limit:1 | unlimit:1) words="- $(_notrackctl_clients "$service")" ;;
		apply:0 | watch:0)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return ;;
		*) return ;;
		esac ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ $cur != *:* ]] || ! declare -F __ltrim_colon_completions >/dev/null ||
		__ltrim_colon_completions "$cur"
}

complete -F _notrackctl notrackctl
