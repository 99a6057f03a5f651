package config

import "strings"

const (
	// builtinFrequency is the usual interval of collectors, in seconds.
	builtinFrequency = 60
	// Wildcard stands, as a name in Config.Metrics, for all that are not named.
	Wildcard = "*"
)

// builtinMetrics returns the metrics that are stored when no configuration names any: those
// that collectors for CPUs, memory, networks, file systems and accelerators send, and, as
// the wildcard, all others. What collectors send as text or as true or false
// (nv_perf_state, nv_remapped_rows_failure) is left out: a metric that is named has to be a
// number.
//
// Amounts and rates of parts add up to those of the host; percentages, clocks,
// temperatures and ratios are averaged; what is measured for a host alone has no
// aggregation. Nor has the wildcard: nobody knows what would be right.
func builtinMetrics() map[string]Metric {
	metrics := map[string]Metric{Wildcard: {Frequency: builtinFrequency}}
	for _, group := range builtinGroups() {
		for _, name := range strings.Fields(group.names) {
			metrics[group.prefix+name] = Metric{Frequency: builtinFrequency, Aggregation: group.aggregation}
		}
	}
	return metrics
}

// builtinGroup is some metrics of one collector with one aggregation.
type builtinGroup struct {
	aggregation string
	prefix      string // of all names
	names       string // separated by white space
}

// builtinGroups names the collector of each group in a comment.
func builtinGroups() []builtinGroup {
	const (
		none = ""
		sum  = "sum"
		avg  = "avg"
	)
	return []builtinGroup{
		// likwid: performance counters, under the names that sites give what they derive
		{sum, "", `flops_any flops_dp flops_sp flops_hp mem_bw mem_read_bw mem_write_bw l2_bw l3_bw
			core_power cpu_power mem_power rapl_power pwr_core pwr_pkg pwr_dram`},
		{avg, "", `clock ipc cpi vectorization_ratio debug_metric`},

		// cpustat
		{avg, "cpu_", `user nice system idle iowait irq softirq steal guest guest_nice used`},
		{none, "", `num_cpus`},
		// cpufreq, cpufreq_cpuinfo
		{avg, "", `cpufreq`},
		// schedstat
		{avg, "", `cpu_load_core`},
		// loadavg
		{none, "", `cpu_load load_one load_five load_fifteen proc_run proc_total`},
		// rapl
		{sum, "", `rapl_average_power`},

		// memstat
		{sum, "mem_", `total free used available buffers cached shared slab sreclaimable active inactive dirty writeback
			anon_pages mapped vmalloc_total locked pagetables kernelstack
			anon_hugepages shared_hugepages shared_pmd_mapped hugepages_total hugepages_free hugepages_reserved hugepages_surplus
			direct_mapped_4k direct_mapped_2m direct_mapped_4m direct_mapped_1g`},
		{avg, "", `mem_hugepages_size`},
		{none, "", `swap_total swap_free`},
		// numastats
		{sum, "numastats_", `numa_hit numa_miss numa_foreign local_node other_node interleave_hit
			numa_hit_rate numa_miss_rate numa_foreign_rate local_node_rate other_node_rate interleave_hit_rate`},
		// slurm_cgroup
		{sum, "job_", `mem_used max_mem_used mem_limit`},
		{avg, "job_", `user_cpu sys_cpu`},

		// netstat
		{sum, "net_", `bytes_in bytes_out pkts_in pkts_out bytes_in_bw bytes_out_bw pkts_in_bw pkts_out_bw bw`},
		// ibstat
		{sum, "ib_", `recv xmit total recv_bw xmit_bw total_bw bw
			recv_pkts xmit_pkts total_pkts recv_pkts_bw xmit_pkts_bw total_pkts_bw`},

		// diskstat
		{sum, "", `disk_total disk_free`},
		{none, "", `part_max_used`},
		// iostat
		{sum, "io_", `reads reads_merged read_sectors read_ms writes writes_merged writes_sectors writes_ms
			ioops ioops_ms ioops_weighted_ms discards discards_merged discards_sectors discards_ms flushes flushes_ms`},
		// smartmon
		{avg, "smartmon_", `temp avail_spare percent_used power_on warn_temp_time crit_comp_time`},
		{sum, "smartmon_", `data_units_read data_units_write host_reads host_writes power_cycles
			unsafe_shutdowns media_errors errlog_entries`},

		// any file system
		{sum, "", `file_bw`},
		// lustrestat
		{sum, "lustre_", `read_bytes read_requests write_bytes write_requests
			open close getattr setattr statfs inode_permission
			read_bytes_diff read_requests_diff write_bytes_diff write_requests_diff
			open_diff close_diff getattr_diff setattr_diff statfs_diff inode_permission_diff
			read_bw write_bw read_requests_rate write_requests_rate`},
		// gpfs
		{sum, "gpfs_", `bytes_read bytes_written bytes_total num_opens num_closes num_reads num_writes num_readdirs
			num_inode_updates iops metaops
			bytes_read_diff bytes_written_diff bytes_total_diff num_opens_diff num_closes_diff num_reads_diff num_writes_diff
			num_readdirs_diff num_inode_updates_diff iops_diff metaops_diff
			bw_read bw_write bw_total opens_rate closes_rate reads_rate writes_rate readdirs_rate inode_updates_rate
			iops_rate metaops_rate`},
		// nfsiostat
		{sum, "nfsio_", `nread nwrite oread owrite pageread pagewrite nfsread nfswrite
			nread_bw nwrite_bw oread_bw owrite_bw pageread_bw pagewrite_bw nfsread_bw nfswrite_bw`},
		// nfs3stat
		{none, "nfs3_", `total null getattr setattr lookup access readlink read write create mkdir symlink mknod
			remove rmdir rename link readdir readdirplus fsstat fsinfo pathconf commit`},
		// nfs4stat
		{none, "nfs4_", `total null read write commit open open_conf open_noat open_dgrd close setattr fsinfo renew
			setclntid confirm lock lockt locku access getattr lookup lookup_root remove rename link symlink create
			pathconf statfs readlink readdir server_caps delegreturn getacl setacl fs_locations rel_lkowner secinfo
			fsid_present exchange_id create_session destroy_session sequence get_lease_time reclaim_comp layoutget
			getdevinfo layoutcommit layoutreturn secinfo_no test_stateid free_stateid getdevicelist
			bind_conn_to_ses destroy_clientid seek allocate deallocate layoutstats clone`},
		// beegfs_meta
		{sum, "beegfs_cmeta_", `sum ack close entInf fndOwn mkdir create rddir refrEnt mdsInf rmdir rmLnk mvDirIns
			mvFiIns open ren sChDrct sAttr sDirPat stat statfs trunc symlnk unlnk lookLI statLI revalLI openLI createLI
			hardlnk flckAp flckEn flckRg dirparent listXA getXA rmXA setXA mirror`},
		// beegfs_storage
		{sum, "beegfs_cstorage_", `sum ack sChDrct getFSize sAttr statfs trunc close fsync
			ops-rd MiB-rd/s ops-wr MiB-wr/s endbg hrtbeat remNode storInf unlnk other`},

		// nvidia
		{avg, "nv_", `util mem_util encoder_util decoder_util temp fan
			graphics_clock sm_clock mem_clock video_clock
			max_graphics_clock max_sm_clock max_mem_clock max_video_clock`},
		{sum, "nv_", `fb_mem_total fb_mem_used fb_mem_reserved bar1_mem_total bar1_mem_used
			power_usage power_max_limit average_power energy energy_abs
			compute_processes graphics_processes mps_compute_processes
			ecc_uncorrected_error ecc_corrected_error
			remapped_rows_corrected remapped_rows_uncorrected
			violation_power violation_thermal violation_sync_boost violation_board_limit violation_low_util
			violation_reliability violation_below_app_clock violation_below_base_clock
			nvlink_crc_flit_errors nvlink_crc_errors nvlink_ecc_errors nvlink_replay_errors nvlink_recovery_errors
			nvlink_crc_flit_errors_sum nvlink_crc_errors_sum nvlink_ecc_errors_sum nvlink_replay_errors_sum
			nvlink_recovery_errors_sum`},
		// rocm_smi
		{avg, "rocm_", `gfx_util umc_util mm_util temp_mem temp_hotspot temp_edge temp_vrgfx temp_vrsoc temp_vrmem
			temp_hbm gfx_clock soc_clock u_clock v0_clock v1_clock d0_clock d1_clock`},
		{sum, "rocm_", `avg_power`},
		// any accelerator
		{avg, "acc_", `utilization mem_util temp clock`},
		{sum, "acc_", `mem_used power`},

		// self
		{none, "", `total_alloc heap_alloc heap_sys heap_idle heap_inuse heap_released heap_objects
			num_goroutines num_cgo_calls rusage_user_time rusage_system_time rusage_vol_ctx_switch rusage_invol_ctx_switch
			rusage_signals rusage_major_pgfaults rusage_minor_pgfaults`},
	}
}
