// Data that Tests/Fixtures/model/make_architectures.py writes, read off the models of timm 1.0.31.

/// timm's vision transformers by name.
enum TimmArchitectures {
  /// Those that this engine runs, one on a line: name, image, patch, width, depth, heads, hidden width, the classes of
  /// timm's usual weights, and what departs from a plain ViT.
  static let plain = """
    deit3_base_patch16_224 224 16 768 12 12 3072 1000 positions-of-patches layer-scale
    deit3_base_patch16_384 384 16 768 12 12 3072 1000 positions-of-patches layer-scale
    deit3_huge_patch14_224 224 14 1280 32 16 5120 1000 positions-of-patches layer-scale
    deit3_large_patch16_224 224 16 1024 24 16 4096 1000 positions-of-patches layer-scale
    deit3_large_patch16_384 384 16 1024 24 16 4096 1000 positions-of-patches layer-scale
    deit3_medium_patch16_224 224 16 512 12 8 2048 1000 positions-of-patches layer-scale
    deit3_small_patch16_224 224 16 384 12 6 1536 1000 positions-of-patches layer-scale
    deit3_small_patch16_384 384 16 384 12 6 1536 1000 positions-of-patches layer-scale
    deit_base_distilled_patch16_224 224 16 768 12 12 3072 1000 distilled
    deit_base_distilled_patch16_384 384 16 768 12 12 3072 1000 distilled
    deit_base_patch16_224 224 16 768 12 12 3072 1000
    deit_base_patch16_384 384 16 768 12 12 3072 1000
    deit_small_distilled_patch16_224 224 16 384 12 6 1536 1000 distilled
    deit_small_patch16_224 224 16 384 12 6 1536 1000
    deit_tiny_distilled_patch16_224 224 16 192 12 3 768 1000 distilled
    deit_tiny_patch16_224 224 16 192 12 3 768 1000
    eva_large_patch14_196 196 14 1024 24 16 4096 1000 pool=avg fc-norm
    eva_large_patch14_336 336 14 1024 24 16 4096 1000 pool=avg fc-norm
    flexivit_base 240 16 768 12 12 3072 1000 positions-of-patches
    flexivit_large 240 16 1024 24 16 4096 1000 positions-of-patches
    flexivit_small 240 16 384 12 6 1536 1000 positions-of-patches
    test_vit 160 16 64 6 2 192 1000
    test_vit2 160 16 64 8 2 192 1000 pool=avg no-class-token registers=1 layer-scale fc-norm
    vit_base_patch14_dinov2 518 14 768 12 12 3072 0 layer-scale
    vit_base_patch14_reg1_tipsv2 448 14 768 12 12 3072 0 registers=1 positions-of-patches layer-scale
    vit_base_patch14_reg4_dinov2 518 14 768 12 12 3072 0 registers=4 positions-of-patches layer-scale
    vit_base_patch16_224 224 16 768 12 12 3072 1000
    vit_base_patch16_224_miil 224 16 768 12 12 3072 11221 no-qkv-bias
    vit_base_patch16_384 384 16 768 12 12 3072 1000
    vit_base_patch16_clip_224 224 16 768 12 12 3072 1000 pre-norm epsilon=1e-05
    vit_base_patch16_clip_384 384 16 768 12 12 3072 1000 pre-norm epsilon=1e-05
    vit_base_patch16_gap_224 224 16 768 12 16 3072 1000 pool=avg no-class-token
    vit_base_patch16_plus_240 240 16 896 12 14 3584 1000 layer-scale
    vit_base_patch16_plus_clip_240 240 16 896 12 14 3584 640 pre-norm epsilon=1e-05
    vit_base_patch16_radio_v3 512 16 768 12 12 3072 0 registers=7 positions-of-patches layer-scale no-norm
    vit_base_patch16_reg4_gap_256 256 16 768 12 12 3072 1000 pool=avg no-class-token registers=4 positions-of-patches fc-norm
    vit_base_patch16_siglip_gap_224 224 16 768 12 12 3072 0 pool=avg no-class-token
    vit_base_patch16_siglip_gap_256 256 16 768 12 12 3072 0 pool=avg no-class-token
    vit_base_patch16_siglip_gap_384 384 16 768 12 12 3072 0 pool=avg no-class-token
    vit_base_patch16_siglip_gap_512 512 16 768 12 12 3072 0 pool=avg no-class-token
    vit_base_patch32_224 224 32 768 12 12 3072 1000
    vit_base_patch32_384 384 32 768 12 12 3072 1000
    vit_base_patch32_clip_224 224 32 768 12 12 3072 1000 pre-norm epsilon=1e-05
    vit_base_patch32_clip_256 256 32 768 12 12 3072 512 pre-norm epsilon=1e-05
    vit_base_patch32_clip_384 384 32 768 12 12 3072 1000 pre-norm epsilon=1e-05
    vit_base_patch32_clip_448 448 32 768 12 12 3072 1000 pre-norm epsilon=1e-05
    vit_base_patch32_plus_256 256 32 896 12 14 3584 1000 layer-scale
    vit_base_patch8_224 224 8 768 12 12 3072 1000
    vit_betwixt_patch16_gap_256 256 16 640 12 10 2560 1000 pool=avg no-class-token layer-scale no-qkv-bias
    vit_betwixt_patch16_reg1_gap_256 256 16 640 12 10 2560 1000 pool=avg no-class-token registers=1 positions-of-patches layer-scale fc-norm
    vit_betwixt_patch16_reg4_gap_256 256 16 640 12 10 2560 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_betwixt_patch16_reg4_gap_384 384 16 640 12 10 2560 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_betwixt_patch32_clip_224 224 32 640 12 10 2560 512 pre-norm epsilon=1e-05
    vit_giant_patch14_224 224 14 1408 40 16 6144 1000
    vit_giant_patch14_clip_224 224 14 1408 40 16 6144 1024 pre-norm epsilon=1e-05
    vit_giant_patch16_gap_224 224 16 1408 40 16 6144 0 pool=avg no-class-token
    vit_giant_patch16_radio_v3 512 16 1536 40 24 6144 0 registers=7 positions-of-patches no-norm
    vit_gigantic_patch14_224 224 14 1664 48 16 8192 1000
    vit_gigantic_patch14_clip_224 224 14 1664 48 16 8192 1280 pre-norm epsilon=1e-05
    vit_gigantic_patch14_clip_378 378 14 1664 48 16 8192 1280 pre-norm epsilon=1e-05
    vit_huge_patch14_224 224 14 1280 32 16 5120 0
    vit_huge_patch14_clip_224 224 14 1280 32 16 5120 1000 pre-norm epsilon=1e-05
    vit_huge_patch14_clip_336 336 14 1280 32 16 5120 1000 pre-norm epsilon=1e-05
    vit_huge_patch14_clip_378 378 14 1280 32 16 5120 1024 pre-norm epsilon=1e-05
    vit_huge_patch14_gap_224 224 14 1280 32 16 5120 0 pool=avg no-class-token
    vit_huge_patch16_gap_448 448 16 1280 32 16 5120 0 pool=avg no-class-token
    vit_huge_patch16_radio_v3 512 16 1280 32 16 5120 0 registers=7 positions-of-patches no-norm
    vit_huge_patch16_radio_v4 512 16 1280 32 16 5120 0 registers=9 positions-of-patches no-norm
    vit_intern300m_patch14_448 448 14 1024 24 16 4096 0 layer-scale no-norm
    vit_large_patch14_224 224 14 1024 24 16 4096 1000
    vit_large_patch14_clip_224 224 14 1024 24 16 4096 1000 pre-norm epsilon=1e-05
    vit_large_patch14_clip_336 336 14 1024 24 16 4096 1000 pre-norm epsilon=1e-05
    vit_large_patch14_dinov2 518 14 1024 24 16 4096 0 layer-scale
    vit_large_patch14_reg1_tipsv2 448 14 1024 24 16 4096 0 registers=1 positions-of-patches layer-scale
    vit_large_patch14_reg4_dinov2 518 14 1024 24 16 4096 0 registers=4 positions-of-patches layer-scale
    vit_large_patch16_224 224 16 1024 24 16 4096 1000
    vit_large_patch16_384 384 16 1024 24 16 4096 1000
    vit_large_patch16_radio_v3 512 16 1024 24 16 4096 0 registers=7 positions-of-patches layer-scale no-norm
    vit_large_patch16_siglip_gap_256 256 16 1024 24 16 4096 0 pool=avg no-class-token
    vit_large_patch16_siglip_gap_384 384 16 1024 24 16 4096 0 pool=avg no-class-token
    vit_large_patch32_224 224 32 1024 24 16 4096 0
    vit_large_patch32_384 384 32 1024 24 16 4096 1000
    vit_little_patch16_reg1_gap_256 256 16 320 14 5 1792 1000 pool=avg no-class-token registers=1 positions-of-patches layer-scale fc-norm
    vit_little_patch16_reg4_gap_256 256 16 320 14 5 1792 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_medium_patch16_clip_224 224 16 512 12 8 2048 512 pre-norm epsilon=1e-05
    vit_medium_patch16_gap_240 240 16 512 12 8 2048 11821 pool=avg no-class-token layer-scale no-qkv-bias
    vit_medium_patch16_gap_256 256 16 512 12 8 2048 1000 pool=avg no-class-token layer-scale no-qkv-bias
    vit_medium_patch16_gap_384 384 16 512 12 8 2048 1000 pool=avg no-class-token layer-scale no-qkv-bias
    vit_medium_patch16_reg1_gap_256 256 16 512 12 8 2048 1000 pool=avg no-class-token registers=1 positions-of-patches layer-scale fc-norm
    vit_medium_patch16_reg4_gap_256 256 16 512 12 8 2048 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_medium_patch32_clip_224 224 32 512 12 8 2048 512 pre-norm epsilon=1e-05
    vit_mediumd_patch16_reg4_gap_256 256 16 512 20 8 2048 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_mediumd_patch16_reg4_gap_384 384 16 512 20 8 2048 1000 pool=avg no-class-token registers=4 positions-of-patches layer-scale fc-norm
    vit_small_patch14_dinov2 518 14 384 12 6 1536 0 layer-scale
    vit_small_patch14_reg4_dinov2 518 14 384 12 6 1536 0 registers=4 positions-of-patches layer-scale
    vit_small_patch16_224 224 16 384 12 6 1536 1000
    vit_small_patch16_36x1_224 224 16 384 36 6 1536 1000 layer-scale
    vit_small_patch16_384 384 16 384 12 6 1536 1000
    vit_small_patch32_224 224 32 384 12 6 1536 1000
    vit_small_patch32_384 384 32 384 12 6 1536 1000
    vit_small_patch8_224 224 8 384 12 6 1536 0
    vit_so150m2_patch16_reg1_gap_256 256 16 832 21 13 2176 1000 pool=avg no-class-token registers=1 layer-scale no-qkv-bias fc-norm
    vit_so150m2_patch16_reg1_gap_384 384 16 832 21 13 2176 1000 pool=avg no-class-token registers=1 layer-scale no-qkv-bias fc-norm
    vit_so150m2_patch16_reg1_gap_448 448 16 832 21 13 2176 1000 pool=avg no-class-token registers=1 layer-scale no-qkv-bias fc-norm
    vit_so150m_patch16_reg4_gap_256 256 16 896 18 14 2304 1000 pool=avg no-class-token registers=4
    vit_so150m_patch16_reg4_gap_384 384 16 896 18 14 2304 1000 pool=avg no-class-token registers=4
    vit_so400m_patch14_reg1_tipsv2 448 14 1152 27 16 4304 0 registers=1 positions-of-patches layer-scale
    vit_so400m_patch14_siglip_gap_224 224 14 1152 27 16 4304 0 pool=avg no-class-token
    vit_so400m_patch14_siglip_gap_378 378 14 1152 27 16 4304 0 pool=avg no-class-token
    vit_so400m_patch14_siglip_gap_384 384 14 1152 27 16 4304 0 pool=avg no-class-token
    vit_so400m_patch14_siglip_gap_448 448 14 1152 27 16 4304 0 pool=avg no-class-token
    vit_so400m_patch14_siglip_gap_896 896 14 1152 27 16 4304 0 pool=avg no-class-token
    vit_so400m_patch16_radio_v4 512 16 1152 27 16 4304 0 registers=9 positions-of-patches no-norm
    vit_tiny_patch16_224 224 16 192 12 3 768 1000
    vit_tiny_patch16_384 384 16 192 12 3 768 1000
    vit_wee_patch16_reg1_gap_256 256 16 256 14 4 1280 1000 pool=avg no-class-token registers=1 positions-of-patches layer-scale fc-norm
    vit_xsmall_patch16_clip_224 224 16 256 10 4 1024 512 pre-norm epsilon=1e-05
    """

  /// What this engine lacks, and the names that need it, one group on a line.
  static let refused = """
    GELU by tanh: vit_base_patch32_siglip_gap_256 vit_giantopt_patch16_siglip_gap_256 \
    vit_giantopt_patch16_siglip_gap_384 vit_large_patch16_siglip_gap_512 vit_so400m_patch16_siglip_gap_256 \
    vit_so400m_patch16_siglip_gap_384 vit_so400m_patch16_siglip_gap_512
    GELU by tanh, attention pooling: vit_base_patch32_siglip_256 vit_giantopt_patch16_siglip_256 \
    vit_giantopt_patch16_siglip_384 vit_large_patch16_siglip_512 vit_so400m_patch16_siglip_256 \
    vit_so400m_patch16_siglip_384 vit_so400m_patch16_siglip_512
    QuickGELU: vit_base_patch16_clip_quickgelu_224 vit_base_patch32_clip_quickgelu_224 \
    vit_gigantic_patch14_clip_quickgelu_224 vit_huge_patch14_clip_quickgelu_224 vit_huge_patch14_clip_quickgelu_378 \
    vit_large_patch14_clip_quickgelu_224 vit_large_patch14_clip_quickgelu_336
    RMSNorm: test_vit4
    RMSNorm, attention and MLP in parallel (ParallelScalingBlock): vit_base_patch16_xp_224 vit_huge_patch14_xp_224 \
    vit_large_patch14_xp_224
    RMSNorm, attention and MLP in parallel, differential attention (DiffParallelScalingBlock): \
    vit_dpwee_patch16_reg1_gap_256
    RMSNorm, differential attention: vit_dlittle_patch16_reg1_gap_256 vit_dwee_patch16_reg1_gap_256
    SwiGLU: vit_giant_patch14_dinov2 vit_giant_patch14_reg1_tipsv2 vit_giant_patch14_reg4_dinov2
    a convolutional stem (HybridEmbed), the norm BatchNorm2d: vit_base_resnet26d_224 vit_base_resnet50d_224 \
    vit_small_resnet26d_224 vit_small_resnet50d_s16_224
    a convolutional stem (HybridEmbed), the norm BatchNormAct2d: vit_base_mci_224
    a convolutional stem (HybridEmbed), the norm GroupNormAct: vit_base_r26_s32_224 vit_base_r50_s16_224 \
    vit_base_r50_s16_384 vit_large_r50_s32_224 vit_large_r50_s32_384 vit_small_r26_s32_224 vit_small_r26_s32_384 \
    vit_tiny_r_s16_p8_224 vit_tiny_r_s16_p8_384
    a norm in the patch embedding, RMSNorm, a projection without bias, SwiGLU: aimv2_1b_patch14_224 \
    aimv2_1b_patch14_336 aimv2_1b_patch14_448 aimv2_3b_patch14_224 aimv2_3b_patch14_336 aimv2_3b_patch14_448 \
    aimv2_huge_patch14_224 aimv2_huge_patch14_336 aimv2_huge_patch14_448 aimv2_large_patch14_224 \
    aimv2_large_patch14_336 aimv2_large_patch14_448
    attention and MLP in parallel (ParallelScalingBlock): vit_pwee_patch16_reg1_gap_256
    attention pooling: test_vit3 vit_base_patch16_siglip_224 vit_base_patch16_siglip_256 vit_base_patch16_siglip_384 \
    vit_base_patch16_siglip_512 vit_large_patch16_siglip_256 vit_large_patch16_siglip_384 \
    vit_so150m_patch16_reg4_map_256 vit_so400m_patch14_siglip_224 vit_so400m_patch14_siglip_378 \
    vit_so400m_patch14_siglip_384
    norms after the layers (ResPostBlock): vit_base_patch16_rpn_224
    norms inside attention and MLP: beit3_base_patch16_224 beit3_giant_patch14_224 beit3_giant_patch14_336 \
    beit3_large_patch16_224
    parallel branches of attention and MLP (ParallelThingsBlock): vit_base_patch16_18x2_224 \
    vit_small_patch16_18x2_224
    relative positions (timm's class VisionTransformerRelPos): test_vit_relpos vit_relpos_base_patch16_224 \
    vit_relpos_base_patch16_cls_224 vit_relpos_base_patch16_clsgap_224 vit_relpos_base_patch16_plus_240 \
    vit_relpos_base_patch16_rpn_224 vit_relpos_base_patch32_plus_rpn_256 vit_relpos_medium_patch16_224 \
    vit_relpos_medium_patch16_cls_224 vit_relpos_medium_patch16_rpn_224 vit_relpos_small_patch16_224 \
    vit_relpos_small_patch16_rpn_224 vit_srelpos_medium_patch16_224 vit_srelpos_small_patch16_224
    rotary positions (timm's class Eva): vit_5b_patch16_sapiens2 vit_7b_patch16_dinov3 vit_base_patch16_dinov3 \
    vit_base_patch16_dinov3_qkvb vit_base_patch16_lingbot vit_base_patch16_rope_224 vit_base_patch16_rope_ape_224 \
    vit_base_patch16_rope_mixed_224 vit_base_patch16_rope_mixed_ape_224 vit_base_patch16_rope_reg1_gap_256 \
    vit_base_patch16_sapiens2 vit_betwixt_patch16_rope_reg4_gap_256 vit_giant_patch16_lingbot \
    vit_giant_patch16_sapiens2 vit_huge_patch16_sapiens2 vit_huge_plus_patch16_dinov3 \
    vit_huge_plus_patch16_dinov3_qkvb vit_large_patch16_dinov3 vit_large_patch16_dinov3_qkvb \
    vit_large_patch16_lingbot vit_large_patch16_rope_224 vit_large_patch16_rope_ape_224 \
    vit_large_patch16_rope_mixed_224 vit_large_patch16_rope_mixed_ape_224 vit_large_patch16_sapiens2 \
    vit_medium_patch16_rope_reg1_gap_256 vit_mediumd_patch16_rope_reg1_gap_256 vit_pe_core_base_patch16_224 \
    vit_pe_core_gigantic_patch14_448 vit_pe_core_large_patch14_336 vit_pe_core_small_patch16_384 \
    vit_pe_core_tiny_patch16_384 vit_pe_lang_gigantic_patch14_448 vit_pe_lang_large_patch14_448 \
    vit_pe_spatial_base_patch16_512 vit_pe_spatial_gigantic_patch14_448 vit_pe_spatial_large_patch14_448 \
    vit_pe_spatial_small_patch16_512 vit_pe_spatial_tiny_patch16_512 vit_small_patch16_dinov3 \
    vit_small_patch16_dinov3_qkvb vit_small_patch16_lingbot vit_small_patch16_rope_224 vit_small_patch16_rope_ape_224 \
    vit_small_patch16_rope_mixed_224 vit_small_patch16_rope_mixed_ape_224 vit_small_plus_patch16_dinov3 \
    vit_small_plus_patch16_dinov3_qkvb vit_tiny_patch16_dinov3_qkvb
    """

  /// Names of timm before 0.9 and what they are now, one on a line.
  static let renamed = """
    deit3_base_patch16_224_in21ft1k deit3_base_patch16_224.fb_in22k_ft_in1k
    deit3_base_patch16_384_in21ft1k deit3_base_patch16_384.fb_in22k_ft_in1k
    deit3_huge_patch14_224_in21ft1k deit3_huge_patch14_224.fb_in22k_ft_in1k
    deit3_large_patch16_224_in21ft1k deit3_large_patch16_224.fb_in22k_ft_in1k
    deit3_large_patch16_384_in21ft1k deit3_large_patch16_384.fb_in22k_ft_in1k
    deit3_medium_patch16_224_in21ft1k deit3_medium_patch16_224.fb_in22k_ft_in1k
    deit3_small_patch16_224_in21ft1k deit3_small_patch16_224.fb_in22k_ft_in1k
    deit3_small_patch16_384_in21ft1k deit3_small_patch16_384.fb_in22k_ft_in1k
    vit_base_patch16_224_dino vit_base_patch16_224.dino
    vit_base_patch16_224_in21k vit_base_patch16_224.augreg_in21k
    vit_base_patch16_224_miil_in21k vit_base_patch16_224_miil.in21k
    vit_base_patch16_224_sam vit_base_patch16_224.sam
    vit_base_patch32_224_clip_laion2b vit_base_patch32_clip_224.laion2b
    vit_base_patch32_224_in21k vit_base_patch32_224.augreg_in21k
    vit_base_patch32_224_sam vit_base_patch32_224.sam
    vit_base_patch8_224_dino vit_base_patch8_224.dino
    vit_base_patch8_224_in21k vit_base_patch8_224.augreg_in21k
    vit_base_r50_s16_224_in21k vit_base_r50_s16_224.orig_in21k
    vit_base_resnet50_224_in21k vit_base_r50_s16_224.orig_in21k
    vit_base_resnet50_384 vit_base_r50_s16_384.orig_in21k_ft_in1k
    vit_giant_patch14_224_clip_laion2b vit_giant_patch14_clip_224.laion2b
    vit_huge_patch14_224_clip_laion2b vit_huge_patch14_clip_224.laion2b
    vit_huge_patch14_224_in21k vit_huge_patch14_224.orig_in21k
    vit_large_patch14_224_clip_laion2b vit_large_patch14_clip_224.laion2b
    vit_large_patch16_224_in21k vit_large_patch16_224.augreg_in21k
    vit_large_patch32_224_in21k vit_large_patch32_224.orig_in21k
    vit_large_r50_s32_224_in21k vit_large_r50_s32_224.augreg_in21k
    vit_small_patch16_224_dino vit_small_patch16_224.dino
    vit_small_patch16_224_in21k vit_small_patch16_224.augreg_in21k
    vit_small_patch32_224_in21k vit_small_patch32_224.augreg_in21k
    vit_small_patch8_224_dino vit_small_patch8_224.dino
    vit_small_r26_s32_224_in21k vit_small_r26_s32_224.augreg_in21k
    vit_tiny_patch16_224_in21k vit_tiny_patch16_224.augreg_in21k
    vit_tiny_r_s16_p8_224_in21k vit_tiny_r_s16_p8_224.augreg_in21k
    """
}
