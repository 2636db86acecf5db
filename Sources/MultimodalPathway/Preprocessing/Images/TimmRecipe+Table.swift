// timm 1.0.31's recipes of vision_transformer.py and deit.py; rows by Tests/Fixtures/model/make_recipes.py --swift,
// which also writes the file that the tests compare them with.

extension TimmRecipe {
  /// A row is a name and its tags in timm's order, the first being what the name alone means. Before each run of tags
  /// with one recipe is that recipe: side, normalization, crop_pct, num_classes, then crop_mode where it is not center
  /// and interpolation where it is not bicubic.
  static let rows = """
    aimv2_1b_patch14_224 224,clip,1,0 apple_pt
    aimv2_1b_patch14_336 336,clip,1,0 apple_pt
    aimv2_1b_patch14_448 448,clip,1,0 apple_pt
    aimv2_3b_patch14_224 224,clip,1,0 apple_pt
    aimv2_3b_patch14_336 336,clip,1,0 apple_pt
    aimv2_3b_patch14_448 448,clip,1,0 apple_pt
    aimv2_huge_patch14_224 224,clip,1,0 apple_pt
    aimv2_huge_patch14_336 336,clip,1,0 apple_pt
    aimv2_huge_patch14_448 448,clip,1,0 apple_pt
    aimv2_large_patch14_224 224,clip,1,0 apple_pt apple_pt_dist
    aimv2_large_patch14_336 336,clip,1,0 apple_pt apple_pt_dist
    aimv2_large_patch14_448 448,clip,1,0 apple_pt
    beit3_base_patch16_224 224,imagenet,1,1000 in22k_ft_in1k indomain_in22k_ft_in1k 224,imagenet,1,0 pt
      indomain_pt
    beit3_giant_patch14_224 224,imagenet,1,1000 untrained
    beit3_giant_patch14_336 336,imagenet,1,1000 untrained
    beit3_large_patch16_224 224,imagenet,1,1000 in22k_ft_in1k indomain_in22k_ft_in1k 224,imagenet,1,0 pt
      indomain_pt
    deit3_base_patch16_224 224,imagenet,0.9,1000 fb_in1k 224,imagenet,1,1000 fb_in22k_ft_in1k
    deit3_base_patch16_384 384,imagenet,1,1000 fb_in1k fb_in22k_ft_in1k
    deit3_huge_patch14_224 224,imagenet,0.9,1000 fb_in1k 224,imagenet,1,1000 fb_in22k_ft_in1k
    deit3_large_patch16_224 224,imagenet,0.9,1000 fb_in1k 224,imagenet,1,1000 fb_in22k_ft_in1k
    deit3_large_patch16_384 384,imagenet,1,1000 fb_in1k fb_in22k_ft_in1k
    deit3_medium_patch16_224 224,imagenet,0.9,1000 fb_in1k 224,imagenet,1,1000 fb_in22k_ft_in1k
    deit3_small_patch16_224 224,imagenet,0.9,1000 fb_in1k 224,imagenet,1,1000 fb_in22k_ft_in1k
    deit3_small_patch16_384 384,imagenet,1,1000 fb_in1k fb_in22k_ft_in1k
    deit_base_distilled_patch16_224 224,imagenet,0.9,1000 fb_in1k
    deit_base_distilled_patch16_384 384,imagenet,1,1000 fb_in1k
    deit_base_patch16_224 224,imagenet,0.9,1000 fb_in1k
    deit_base_patch16_384 384,imagenet,1,1000 fb_in1k
    deit_small_distilled_patch16_224 224,imagenet,0.9,1000 fb_in1k
    deit_small_patch16_224 224,imagenet,0.9,1000 fb_in1k
    deit_tiny_distilled_patch16_224 224,imagenet,0.9,1000 fb_in1k
    deit_tiny_patch16_224 224,imagenet,0.9,1000 fb_in1k
    eva_large_patch14_196 196,clip,1,1000 in22k_ft_in22k_in1k in22k_ft_in1k
    eva_large_patch14_336 336,clip,1,1000,squash in22k_ft_in22k_in1k in22k_ft_in1k
    flexivit_base 240,half,0.95,1000 1200ep_in1k 600ep_in1k 300ep_in1k 240,half,0.95,21843 1000ep_in21k
      300ep_in21k patch16_in21k patch30_in21k
    flexivit_large 240,half,0.95,1000 1200ep_in1k 600ep_in1k 300ep_in1k
    flexivit_small 240,half,0.95,1000 1200ep_in1k 600ep_in1k 300ep_in1k
    test_vit 160,half,0.95,1000 r160_in1k
    test_vit2 160,half,0.95,1000 r160_in1k
    test_vit3 160,half,0.95,1000 r160_in1k
    test_vit4 160,half,0.95,1000 r160_in1k
    vit_base_patch14_dinov2 518,imagenet,1,0 lvd142m
    vit_base_patch14_reg1_tipsv2 448,unit,1,0 webli
    vit_base_patch14_reg4_dinov2 518,imagenet,1,0 lvd142m
    vit_base_patch16_18x2_224 224,half,0.9,1000 untrained
    vit_base_patch16_224 224,half,0.9,1000 augreg2_in21k_ft_in1k augreg_in21k_ft_in1k orig_in21k_ft_in1k
      augreg_in1k 224,half,0.9,0 orig_in21k 224,half,0.9,21843 augreg_in21k 224,half,0.9,1000 sam_in1k
      224,clip,1,115217 bamboo 224,imagenet,0.9,0 dino mae
    vit_base_patch16_224_miil 224,unit,0.875,11221,bilinear in21k 224,unit,0.875,1000,bilinear in21k_ft_in1k
    vit_base_patch16_384 384,half,1,1000 augreg_in21k_ft_in1k orig_in21k_ft_in1k augreg_in1k
    vit_base_patch16_clip_224 224,clip,0.95,1000 laion2b_ft_in12k_in1k openai_ft_in12k_in1k 224,clip,1,1000
      laion2b_ft_in1k 224,clip,0.9,1000 openai_ft_in1k 224,clip,0.9,11821 laion2b_ft_in12k openai_ft_in12k
      224,clip,1,512 laion2b laion400m_e32 datacompxl dfn2b metaclip_2pt5b metaclip_400m 224,clip,0.9,512 openai
    vit_base_patch16_clip_384 384,clip,1,1000,squash laion2b_ft_in12k_in1k 384,clip,0.95,1000,squash
      openai_ft_in12k_in1k 384,clip,1,1000,squash laion2b_ft_in1k openai_ft_in1k
    vit_base_patch16_clip_quickgelu_224 224,clip,1,512 metaclip_2pt5b metaclip_400m 224,clip,0.9,512 openai
    vit_base_patch16_gap_224 224,half,0.9,1000 untrained
    vit_base_patch16_plus_240 240,half,0.95,1000 untrained
    vit_base_patch16_plus_clip_240 240,clip,1,640 laion400m_e32
    vit_base_patch16_radio_v3 512,clip,1,0 c_radio
    vit_base_patch16_reg4_gap_256 256,half,0.9,1000 untrained
    vit_base_patch16_rpn_224 224,half,0.9,1000 sw_in1k
    vit_base_patch16_siglip_224 224,half,0.9,0 v2_webli webli
    vit_base_patch16_siglip_256 256,half,0.9,0 v2_webli webli webli_i18n
    vit_base_patch16_siglip_384 384,half,0.9,0 v2_webli webli
    vit_base_patch16_siglip_512 512,half,0.9,0 v2_webli webli
    vit_base_patch16_siglip_gap_224 224,half,0.9,0 v2_webli webli
    vit_base_patch16_siglip_gap_256 256,half,0.9,0 v2_webli webli webli_i18n
    vit_base_patch16_siglip_gap_384 384,half,0.9,0 v2_webli webli
    vit_base_patch16_siglip_gap_512 512,half,0.9,0 v2_webli webli
    vit_base_patch16_xp_224 224,half,0.9,1000 untrained
    vit_base_patch32_224 224,half,0.9,1000 augreg_in21k_ft_in1k augreg_in1k 224,half,0.9,0 orig_in21k
      224,half,0.9,21843 augreg_in21k 224,half,0.9,1000 sam_in1k
    vit_base_patch32_384 384,half,1,1000 augreg_in21k_ft_in1k augreg_in1k
    vit_base_patch32_clip_224 224,clip,0.9,1000 laion2b_ft_in12k_in1k openai_ft_in12k_in1k laion2b_ft_in1k
      openai_ft_in1k 224,clip,0.9,512 laion2b laion400m_e32 224,clip,1,512 datacompxl metaclip_2pt5b metaclip_400m
      224,clip,0.9,512 openai
    vit_base_patch32_clip_256 256,clip,1,512 datacompxl
    vit_base_patch32_clip_384 384,clip,1,1000 laion2b_ft_in12k_in1k 384,clip,0.95,1000,squash openai_ft_in12k_in1k
    vit_base_patch32_clip_448 448,clip,1,1000 laion2b_ft_in12k_in1k
    vit_base_patch32_clip_quickgelu_224 224,clip,0.9,512 laion400m_e32 224,clip,1,512 metaclip_2pt5b metaclip_400m
      224,clip,0.9,512 openai
    vit_base_patch32_plus_256 256,half,0.95,1000 untrained
    vit_base_patch32_siglip_256 256,half,0.9,0 v2_webli
    vit_base_patch32_siglip_gap_256 256,half,0.9,0 v2_webli
    vit_base_patch8_224 224,half,0.9,1000 augreg2_in21k_ft_in1k augreg_in21k_ft_in1k 224,half,0.9,21843
      augreg_in21k 224,imagenet,0.9,0 dino
    vit_betwixt_patch16_gap_256 256,half,0.95,1000 untrained
    vit_betwixt_patch16_reg1_gap_256 256,half,0.95,1000 sbb_in1k
    vit_betwixt_patch16_reg4_gap_256 256,half,0.95,1000 sbb2_e200_in12k_ft_in1k sbb_in12k_ft_in1k sbb_in1k
      256,half,0.95,11821 sbb2_e200_in12k sbb_in12k
    vit_betwixt_patch16_reg4_gap_384 384,half,1,1000 sbb2_e200_in12k_ft_in1k
    vit_betwixt_patch32_clip_224 224,clip,0.9,512 tinyclip_laion400m
    vit_dlittle_patch16_reg1_gap_256 256,half,0.95,1000 sbb_nadamuon_in1k
    vit_dpwee_patch16_reg1_gap_256 256,half,0.95,1000 sbb_nadamuon_in1k sbb_in1k
    vit_dwee_patch16_reg1_gap_256 256,half,0.95,1000 sbb_nadamuon_in1k sbb_in1k
    vit_giant_patch14_224 224,half,0.9,1000 untrained
    vit_giant_patch14_clip_224 224,clip,1,1024 laion2b
    vit_giant_patch14_dinov2 518,imagenet,1,0 lvd142m
    vit_giant_patch14_reg1_tipsv2 448,unit,1,0 webli
    vit_giant_patch14_reg4_dinov2 518,imagenet,1,0 lvd142m
    vit_giant_patch16_gap_224 224,imagenet,0.9,0 in22k_ijepa
    vit_giant_patch16_radio_v3 512,clip,1,0 c_radio
    vit_giantopt_patch16_siglip_256 256,half,0.9,0 v2_webli
    vit_giantopt_patch16_siglip_384 384,half,0.9,0 v2_webli
    vit_giantopt_patch16_siglip_gap_256 256,half,0.9,0 v2_webli
    vit_giantopt_patch16_siglip_gap_384 384,half,0.9,0 v2_webli
    vit_gigantic_patch14_224 224,half,0.9,1000 untrained
    vit_gigantic_patch14_clip_224 224,clip,1,1280 laion2b metaclip2_worldwide metaclip_2pt5b
    vit_gigantic_patch14_clip_378 378,clip,1,1280,squash metaclip2_worldwide
    vit_gigantic_patch14_clip_quickgelu_224 224,clip,1,1280 metaclip_2pt5b
    vit_huge_patch14_224 224,half,0.9,0 orig_in21k 224,half,0.9,1000 untrained 224,imagenet,0.9,0 mae
    vit_huge_patch14_clip_224 224,clip,1,1000 laion2b_ft_in12k_in1k laion2b_ft_in1k 224,clip,1,11821
      laion2b_ft_in12k 224,clip,1,1024 laion2b dfn5b metaclip2_worldwide metaclip_2pt5b metaclip_altogether
    vit_huge_patch14_clip_336 336,clip,1,1000,squash laion2b_ft_in12k_in1k laion2b_ft_in1k
    vit_huge_patch14_clip_378 378,clip,1,1024 dfn5b 378,clip,1,1024,squash metaclip2_worldwide
    vit_huge_patch14_clip_quickgelu_224 224,clip,1,1024 dfn5b metaclip2_worldwide metaclip_2pt5b
    vit_huge_patch14_clip_quickgelu_378 378,clip,1,1024 dfn5b
    vit_huge_patch14_gap_224 224,imagenet,0.9,0 in1k_ijepa in22k_ijepa
    vit_huge_patch14_xp_224 224,half,0.9,1000 untrained
    vit_huge_patch16_gap_448 448,imagenet,1,0 in1k_ijepa
    vit_huge_patch16_radio_v3 512,clip,1,0 c_radio
    vit_huge_patch16_radio_v4 512,clip,1,0 c_radio
    vit_intern300m_patch14_448 448,imagenet,1,0 ogvl_dist ogvl_2pt5
    vit_large_patch14_224 224,half,0.9,1000 untrained
    vit_large_patch14_clip_224 224,half,1,1000 laion2b_ft_in12k_in1k 224,clip,1,1000 openai_ft_in12k_in1k
      224,half,1,1000 laion2b_ft_in1k 224,clip,1,1000 openai_ft_in1k 224,half,1,11821 laion2b_ft_in12k
      224,clip,1,11821 openai_ft_in12k 224,half,1,768 laion2b 224,clip,1,768 laion400m_e32 datacompxl dfn2b_s39b
      dfn2b metaclip_2pt5b metaclip_400m openai apple_mclip2_dfndr2b
    vit_large_patch14_clip_336 336,half,1,1000,squash laion2b_ft_in12k_in1k 336,clip,1,1000,squash
      openai_ft_in12k_in1k 336,half,1,1000,squash laion2b_ft_in1k 336,clip,1,768 openai
    vit_large_patch14_clip_quickgelu_224 224,clip,1,768 dfn2b metaclip_2pt5b metaclip_400m openai
    vit_large_patch14_clip_quickgelu_336 336,clip,1,768 openai
    vit_large_patch14_dinov2 518,imagenet,1,0 lvd142m
    vit_large_patch14_reg1_tipsv2 448,unit,1,0 webli
    vit_large_patch14_reg4_dinov2 518,imagenet,1,0 lvd142m
    vit_large_patch14_xp_224 224,half,0.9,1000 untrained
    vit_large_patch16_224 224,half,0.9,1000 augreg_in21k_ft_in1k 224,half,0.9,0 orig_in21k 224,half,0.9,21843
      augreg_in21k 224,imagenet,0.9,0 mae
    vit_large_patch16_384 384,half,1,1000 augreg_in21k_ft_in1k
    vit_large_patch16_radio_v3 512,clip,1,0 c_radio
    vit_large_patch16_siglip_256 256,half,0.9,0 v2_webli webli
    vit_large_patch16_siglip_384 384,half,0.9,0 v2_webli webli
    vit_large_patch16_siglip_512 512,half,0.9,0 v2_webli
    vit_large_patch16_siglip_gap_256 256,half,0.9,0 v2_webli webli
    vit_large_patch16_siglip_gap_384 384,half,0.9,0 v2_webli webli
    vit_large_patch16_siglip_gap_512 512,half,0.9,0 v2_webli
    vit_large_patch32_224 224,half,0.9,0 orig_in21k
    vit_large_patch32_384 384,half,1,1000 orig_in21k_ft_in1k
    vit_little_patch16_reg1_gap_256 256,half,0.95,1000 sbb_in12k_ft_in1k 256,half,0.95,11821 sbb_in12k
    vit_little_patch16_reg4_gap_256 256,half,0.95,1000 sbb_in1k
    vit_medium_patch16_clip_224 224,clip,0.9,512 tinyclip_yfcc15m
    vit_medium_patch16_gap_240 240,half,0.95,11821 sw_in12k
    vit_medium_patch16_gap_256 256,half,0.95,1000 sw_in12k_ft_in1k
    vit_medium_patch16_gap_384 384,half,0.95,1000,squash sw_in12k_ft_in1k
    vit_medium_patch16_reg1_gap_256 256,half,0.95,1000 sbb_in1k
    vit_medium_patch16_reg4_gap_256 256,half,0.95,1000 sbb_in12k_ft_in1k sbb_in1k 256,half,0.95,11821 sbb_in12k
    vit_medium_patch32_clip_224 224,clip,0.9,512 tinyclip_laion400m
    vit_mediumd_patch16_reg4_gap_256 256,half,0.95,1000 sbb2_e200_in12k_ft_in1k sbb_in12k_ft_in1k
      256,half,0.95,11821 sbb2_e200_in12k sbb_in12k
    vit_mediumd_patch16_reg4_gap_384 384,half,1,1000 sbb2_e200_in12k_ft_in1k
    vit_pwee_patch16_reg1_gap_256 256,half,0.95,1000 sbb_in1k
    vit_small_patch14_dinov2 518,imagenet,1,0 lvd142m
    vit_small_patch14_reg4_dinov2 518,imagenet,1,0 lvd142m
    vit_small_patch16_18x2_224 224,half,0.9,1000 untrained
    vit_small_patch16_224 224,half,0.9,1000 augreg_in21k_ft_in1k augreg_in1k 224,half,0.9,21843 augreg_in21k
      224,imagenet,0.9,0 dino
    vit_small_patch16_36x1_224 224,half,0.9,1000 untrained
    vit_small_patch16_384 384,half,1,1000 augreg_in21k_ft_in1k augreg_in1k
    vit_small_patch32_224 224,half,0.9,1000 augreg_in21k_ft_in1k 224,half,0.9,21843 augreg_in21k
    vit_small_patch32_384 384,half,1,1000 augreg_in21k_ft_in1k
    vit_small_patch8_224 224,imagenet,0.9,0 dino
    vit_so150m2_patch16_reg1_gap_256 256,half,1,1000 sbb_e200_in12k_ft_in1k 256,half,1,11821 sbb_e200_in12k
    vit_so150m2_patch16_reg1_gap_384 384,half,1,1000 sbb_e200_in12k_ft_in1k
    vit_so150m2_patch16_reg1_gap_448 448,half,1,1000,squash sbb_e200_in12k_ft_in1k
    vit_so150m_patch16_reg4_gap_256 256,half,0.95,1000 sbb_e250_in12k_ft_in1k 256,half,0.95,11821 sbb_e250_in12k
    vit_so150m_patch16_reg4_gap_384 384,half,1,1000 sbb_e250_in12k_ft_in1k
    vit_so150m_patch16_reg4_map_256 256,half,0.9,1000 untrained
    vit_so400m_patch14_reg1_tipsv2 448,unit,1,0 webli
    vit_so400m_patch14_siglip_224 224,half,0.9,0 v2_webli webli
    vit_so400m_patch14_siglip_378 378,half,0.9,0 v2_webli webli 378,half,1,1000,squash webli_ft_in1k
    vit_so400m_patch14_siglip_384 384,half,0.9,0 webli
    vit_so400m_patch14_siglip_gap_224 224,half,0.9,0 v2_webli webli pali_mix pali_pt pali2_3b_pt pali2_10b_pt
    vit_so400m_patch14_siglip_gap_378 378,half,0.9,0 v2_webli 378,half,1,0 webli 378,half,1,1000,squash
      webli_ft_in1k
    vit_so400m_patch14_siglip_gap_384 384,half,1,0 webli
    vit_so400m_patch14_siglip_gap_448 448,half,1,0 pali_mix pali_pt pali_refcoco_seg pali_ocrvqa pali2_3b_pt
      pali2_10b_pt pali2_3b_docci pali2_10b_docci
    vit_so400m_patch14_siglip_gap_896 896,half,1,0 pali_pt pali_refcoco_seg pali_ocrvqa pali2_3b_pt pali2_10b_pt
    vit_so400m_patch16_radio_v4 512,clip,1,0 c_radio
    vit_so400m_patch16_siglip_256 256,half,0.9,0 v2_webli webli_i18n
    vit_so400m_patch16_siglip_384 384,half,0.9,0 v2_webli
    vit_so400m_patch16_siglip_512 512,half,0.9,0 v2_webli
    vit_so400m_patch16_siglip_gap_256 256,half,0.9,0 v2_webli webli_i18n
    vit_so400m_patch16_siglip_gap_384 384,half,0.9,0 v2_webli
    vit_so400m_patch16_siglip_gap_512 512,half,0.9,0 v2_webli
    vit_tiny_patch16_224 224,half,0.9,1000 augreg_in21k_ft_in1k 224,half,0.9,21843 augreg_in21k
    vit_tiny_patch16_384 384,half,1,1000 augreg_in21k_ft_in1k
    vit_wee_patch16_reg1_gap_256 256,half,0.95,1000 sbb_in1k
    vit_xsmall_patch16_clip_224 224,clip,0.9,512 tinyclip_yfcc15m
    """
}
